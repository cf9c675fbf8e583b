package registertest

import (
	"encoding/json"
	"slices"
	"time"
)

// state is what the service keeps.
type state struct {
	tables map[string]*table
	lag    time.Duration         // of reads that are not consistent
	tokens map[string]sentBefore // transactions by ClientRequestToken
}

// A table holds rows in order of their keys.
type table struct {
	name    string
	id      string
	created time.Time
	hash    keyAttribute
	sort    keyAttribute // no name if rows have only a partition key
	ttl     string       // the attribute with a row's expiry, or ""
	guarded bool         // deletion protection
	billing string
	read    int64
	write   int64
	rows    []*row
}

type keyAttribute struct{ name, kind string }

// A row keeps its former versions, for reads that lag.
type row struct {
	key  item
	past []version // oldest first; never empty
}

type version struct {
	from time.Time
	item item // nil: deleted, or not there yet
}

func (r *row) now() item { return r.past[len(r.past)-1].item }

// at returns what a read shows that sees the past.
func (r *row) at(when time.Time) item {
	var seen item
	for _, v := range r.past {
		if v.from.After(when) {
			break
		}
		seen = v.item
	}
	return seen
}

// key returns the primary key within an item that is to be stored.
func (t *table) key(i item) (item, error) {
	key := item{}
	for _, a := range []keyAttribute{t.hash, t.sort} {
		if a.name == "" {
			continue
		}
		v, ok := i[a.name]
		switch {
		case !ok:
			return nil, refuse("ValidationException", msgKeyMissing, a.name)
		case v.kind() != a.kind:
			return nil, refuse("ValidationException", msgKeyType, a.name, a.kind, v.kind())
		}
		if err := t.keySize(a, v); err != nil {
			return nil, err
		}
		key[a.name] = v
	}
	return key, nil
}

// given checks the primary key of a request that names one row.
func (t *table) given(key item) error {
	want := 1
	if t.sort.name != "" {
		want = 2
	}
	if len(key) != want {
		return refuse("ValidationException", msgKeySchema)
	}
	for _, a := range []keyAttribute{t.hash, t.sort} {
		v, ok := key[a.name]
		if a.name == "" {
			continue
		}
		if !ok || v.kind() != a.kind {
			return refuse("ValidationException", msgKeySchema)
		}
		if err := t.keySize(a, v); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) keySize(a keyAttribute, v value) error {
	limit, what := 2048, "hashkey"
	if a == t.sort {
		limit, what = 1024, "rangekey"
	}
	switch size := v.size(); {
	case size == 0:
		return refuse("ValidationException", msgKeyEmpty, a.name)
	case size > limit:
		return refuse("ValidationException", msgKeySize, what, limit)
	}
	return nil
}

func (t *table) compare(a, b item) int {
	for _, k := range []keyAttribute{t.hash, t.sort} {
		if k.name == "" {
			continue
		}
		if order, _ := a[k.name].compare(b[k.name]); order != 0 {
			return order
		}
	}
	return 0
}

func (t *table) find(key item) (int, bool) {
	return slices.BinarySearchFunc(t.rows, key, func(r *row, key item) int { return t.compare(r.key, key) })
}

// get returns the item with this key, or nil.
func (t *table) get(key item) item {
	if i, ok := t.find(key); ok {
		return t.rows[i].now()
	}
	return nil
}

// set stores an item, or deletes it if it is nil.
func (t *table) set(key, i item, now time.Time) {
	at, ok := t.find(key)
	if !ok {
		if i == nil {
			return
		}
		t.rows = slices.Insert(t.rows, at, &row{key: key})
	}
	r := t.rows[at]
	r.past = append(r.past, version{from: now, item: i})
	// A clock that was set back must not hide a later change behind an earlier one.
	for n := len(r.past) - 2; n >= 0 && r.past[n].from.After(now); n-- {
		r.past[n].from = now
	}
}

// sentBefore is a transaction that was carried out.
type sentBefore struct {
	body string
	at   time.Time
}

// clone returns a copy of the state that shares nothing that changes. Items are never
// changed in place.
func (s state) clone() state {
	next := state{tables: make(map[string]*table, len(s.tables)), lag: s.lag, tokens: map[string]sentBefore{}}
	for token, sent := range s.tokens {
		next.tokens[token] = sent
	}
	for name, t := range s.tables {
		copied := *t
		copied.rows = make([]*row, len(t.rows))
		for i, r := range t.rows {
			copied.rows[i] = &row{key: r.key, past: slices.Clone(r.past)}
		}
		next.tables[name] = &copied
	}
	return next
}

// text returns the item as JSON with sorted names.
func (i item) text() string {
	b, err := json.Marshal(i)
	if err != nil {
		panic(err) // it holds strings, numbers and bytes
	}
	return string(b)
}
