package registertest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// CreateTable creates a table with string keys, as the stack's template does: a partition
// key, a sort key unless it is "", and an attribute with a row's expiry unless it is "".
func (s *Server) CreateTable(name, partition, sort, expiry string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := createTableInput{TableName: name, BillingMode: "PAY_PER_REQUEST"}
	for n, key := range []string{partition, sort} {
		if key != "" {
			in.KeySchema = append(in.KeySchema, keyElement{key, []string{"HASH", "RANGE"}[n]})
			in.AttributeDefinitions = append(in.AttributeDefinitions, attributeDefinition{key, "S"})
		}
	}
	if _, err := s.createTable(in); err != nil {
		s.journal.Misusef("registertest: create table %s: %v", name, err)
	}
	s.tables[name].ttl = expiry
}

// LagReads makes reads eventually consistent: from now on, a read that does not ask for
// consistency shows a table as it was d ago.
func (s *Server) LagReads(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = d
}

// Expire deletes the rows whose time to live is over, as the service does within days, and
// returns how many there were.
func (s *Server) Expire() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.tables {
		for _, r := range t.rows {
			if i := r.now(); i != nil && t.expired(i, s.Now()) {
				t.set(r.key, nil, s.Now())
				n++
			}
		}
	}
	return n
}

// Lose deletes every row of the table, as a person may, or restoring an old copy.
func (s *Server) Lose(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(name).rows = nil
}

// Remove deletes the rows of the table for which gone returns true. Gone is called with
// each row as [Server.Dump] shows it.
func (s *Server) Remove(name string, gone func(row string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.must(name)
	for _, r := range t.rows {
		if i := r.now(); i != nil && gone(i.text()) {
			t.set(r.key, nil, s.Now())
		}
	}
}

func (s *Server) must(name string) *table {
	t := s.tables[name]
	if t == nil {
		s.journal.Misusef("registertest: no table %s", name)
	}
	return t
}

// A Snapshot is all that a server keeps, at one moment.
type Snapshot struct{ state }

// Snapshot returns what the server keeps now. It is safe to restore more than once,
// and into another server.
func (s *Server) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Snapshot{s.state.clone()}
}

// Restore returns the server to a snapshot's state, which may be another server's. Its
// clock, hooks and counters stay.
func (s *Server) Restore(from Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = from.state.clone()
}

// Dump describes every row, in order, as JSON.
func (s *Server) Dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		fmt.Fprintln(&b, name)
		for _, r := range s.tables[name].rows {
			if i := r.now(); i != nil {
				fmt.Fprintf(&b, "  %s\n", i.text())
			}
		}
	}
	return b.String()
}

func newUUID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Put stores a row as a person would, whatever is there. Each attribute is a string or an
// int.
func (s *Server) Put(name string, row map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.must(name)
	i := item{}
	for attribute, v := range row {
		text := fmt.Sprint(v)
		switch v.(type) {
		case string:
			i[attribute] = value{S: &text}
		case int:
			i[attribute] = value{N: &text}
		default:
			s.journal.Misusef("registertest: put a row in %s: %s is a %T", name, attribute, v)
		}
	}
	key, err := t.key(i)
	if err != nil {
		s.journal.Misusef("registertest: put a row in %s: %v", name, err)
	}
	t.set(key, i, s.Now())
}
