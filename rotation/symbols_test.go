package rotation_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// symbols give names to what is random, so that states can be compared.
type symbols struct {
	w       *world
	clients []string // the applications that have a part

	mu                          sync.Mutex
	secrets, versions, contents []string // in the order in which they appeared
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
	}
	return fmt.Sprint(i)
}

// version names a version by its id.
func (k *symbols) version(id string) string { return k.name(&k.versions, id) }

// client names an application by its id; "" for what is none.
func (k *symbols) client(id string) string {
	if i := slices.Index(k.clients, id); i >= 0 {
		return fmt.Sprint(" #", i)
	}
	return ""
}

// pingOne describes what PingOne holds.
func (k *symbols) pingOne() (s string) {
	for _, id := range k.clients {
		live := k.w.ping.Secret(k.w.app.Environment, id)
		s += fmt.Sprintf("current %s, previous %s used %t;", k.name(&k.secrets, live.Value), k.name(&k.secrets, live.Previous), !live.PreviousLastUsed.IsZero())
	}
	return s
}

// stored describes every version of the secret, labelled or not: its labels, its
// contents, or both.
func (k *symbols) stored(labels, contents bool) (s string) {
	_, dump, _ := strings.Cut(k.w.sm.Dump(), "\n"+orders+" ")
	for i, line := range strings.Split(dump, "\n") {
		id, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if i == 0 || !strings.HasPrefix(line, "  ") || !ok {
			continue
		}
		content, label, _ := strings.Cut(rest, " ")
		s += "version " + k.version(id)
		if labels {
			s += " " + label
		}
		if contents {
			s += " holds " + k.name(&k.contents, content)
		}
		s += ";"
	}
	return s
}

func (k *symbols) whole() string { return k.pingOne() + k.stored(true, true) }

// meets describes the part of the state that the reply to a call depends on.
func (k *symbols) meets(call string) string {
	action, _, _ := strings.Cut(call, " ")
	switch {
	case action == "DescribeSecret":
		return k.stored(true, false)
	case action == "GetSecretValue":
		return k.stored(false, true)
	case strings.HasSuffix(call, " secret"):
		return k.pingOne()
	case action == "GET" && !strings.HasSuffix(call, "applications"):
		return ""
	}
	return k.whole()
}
