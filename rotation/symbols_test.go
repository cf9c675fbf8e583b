package rotation_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/rotation"
)

// symbols give names to random values, so that states can be compared: the first secret,
// the second version and so on, in the order in which they appear.
type symbols struct {
	w       *world
	clients []string // the applications that have a part

	mu                                   sync.Mutex
	secrets, versions, contents, holders []string
	prints                               []string             // fingerprints of the secrets
	born                                 map[string]time.Time // when a version's value appeared
	changed                              time.Time            // when the managed secret's versions or labels last changed
	last                                 string               // what they were then
}

// name returns the place of a value in the order of appearance.
func (k *symbols) name(all *[]string, value string) string {
	if value == "" {
		return "-"
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.Index(*all, value)
	if i < 0 {
		i = len(*all)
		*all = append(*all, value)
		if all == &k.secrets {
			k.prints = append(k.prints, pingone.NewSecret(value).Fingerprint())
		}
	}
	return fmt.Sprint(i)
}

// version names a version by its id.
func (k *symbols) version(id string) string { return k.name(&k.versions, id) }

// client names an application by its id; "" for any other value.
func (k *symbols) client(id string) string {
	if i := slices.Index(k.clients, id); i >= 0 {
		return fmt.Sprint("#", i)
	}
	return ""
}

// text replaces random values in a text.
func (k *symbols) text(s string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var pairs []string
	for what, all := range map[string][]string{"print": k.prints, "version": k.versions, "client": k.clients} {
		for i, v := range all {
			pairs = append(pairs, v, fmt.Sprint(what, i))
		}
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// pingOne describes what PingOne holds.
func (k *symbols) pingOne() (s string) {
	for _, id := range k.clients {
		live := k.w.ping.Secret(k.w.app.Environment, id)
		s += fmt.Sprintf("current %s, previous %s until %d used %d;", k.name(&k.secrets, live.Value), k.name(&k.secrets, live.Previous),
			live.PreviousExpiresAt.Unix(), live.PreviousLastUsed.UnixNano())
	}
	return s
}

// stored describes every version of the secret: its labels, its content and since when, and
// when any of that last changed.
func (k *symbols) stored() (s string) {
	_, dump, _ := strings.Cut(k.w.sm.Dump(), "\n"+orders+" ")
	now := k.w.ping.Now()
	for i, line := range strings.Split(dump, "\n") {
		id, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if i == 0 || !strings.HasPrefix(line, "  ") || !ok {
			continue
		}
		content, label, _ := strings.Cut(rest, " ")
		key := id + content
		if _, ok := k.born[key]; !ok {
			k.born[key] = now
		}
		s += fmt.Sprintf("version %s %s holds %s since %d;", k.version(id), label, k.name(&k.contents, content), k.born[key].UnixNano())
	}
	if s != k.last {
		k.last, k.changed = s, now
	}
	return fmt.Sprint(s, k.changed.UnixNano())
}

// items returns the clients' items.
func (k *symbols) items() (all []register.Item) {
	for line := range strings.Lines(k.w.db.Dump()) {
		var row map[string]map[string]string
		var item register.Item
		if json.Unmarshal([]byte(strings.TrimSpace(line)), &row) == nil && row["item"]["S"] != "" && json.Unmarshal([]byte(row["item"]["S"]), &item) == nil {
			all = append(all, item)
		}
	}
	return all
}

// register describes the rows about the clients.
func (k *symbols) register() (s string) {
	for line := range strings.Lines(k.w.db.Dump()) {
		var row map[string]map[string]string
		if json.Unmarshal([]byte(strings.TrimSpace(line)), &row) != nil {
			continue
		}
		s += k.text(row["subject"]["S"]+" "+row["entry"]["S"]) + ": "
		if text := row["item"]["S"]; text != "" {
			var item register.Item
			if err := json.Unmarshal([]byte(text), &item); err != nil {
				panic(err)
			}
			s += k.item(item)
		} else {
			s += k.text(row["emergency"]["S"])
		}
		s += ";"
	}
	return s
}

// item describes an item. Only the order of revision numbers matters.
func (k *symbols) item(item register.Item) string {
	if h := item.Lease.Holder; h != "" {
		item.Lease.Holder = "holder " + k.name(&k.holders, h)
	}
	var numbers []int64
	each(&item, func(n *int64) { numbers = append(numbers, *n) })
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	each(&item, func(n *int64) {
		if *n > 0 { // 0 is none
			*n = int64(slices.Index(numbers, *n)) + 1
		}
	})
	text, err := json.Marshal(item)
	if err != nil {
		panic(err)
	}
	return k.text(string(text))
}

// each calls do for each revision number in the item. It first makes sure that no other
// item shares them.
func each(item *register.Item, do func(*int64)) {
	if item.Intent != nil {
		in := *item.Intent
		do(&in.Announced)
		item.Intent = &in
	}
	for _, e := range []**register.Emergency{&item.Emergency, &item.Ended} {
		if *e != nil {
			next := **e
			do(&next.Mark)
			*e = &next
		}
	}
	apps := map[string]register.Application{}
	for id, a := range item.Applications {
		do(&a.Current.Announced)
		apps[id] = a
	}
	item.Applications = apps
}

// remembered describes what a process remembers of the register, and whether the register
// still holds that.
func (k *symbols) remembered(r *rotation.Rotator) (s string) {
	for _, id := range k.clients {
		if rev, ok := r.Register.Remembered(register.Key{EnvironmentID: k.w.app.Environment, ID: id}); ok {
			s += fmt.Sprint(strings.Contains(k.w.db.Dump(), cmp.Or(rev.Nonce, "none")), k.item(rev.Item), ";")
		}
	}
	return s
}

func (k *symbols) whole() string { return k.pingOne() + k.stored() + k.register() }

// meets describes the part of the state on which the reply to a call depends.
func (k *symbols) meets(c call) string {
	switch {
	case c.kind == "DescribeSecret", c.kind == "GetSecretValue":
		return k.stored()
	case c.secret || c.token:
		return k.pingOne()
	case c.service == dynamo:
		return k.register()
	case c.action == "GET":
		return "" // configuration, which does not change
	}
	return k.whole()
}
