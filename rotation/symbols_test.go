package rotation_test

import (
	"fmt"
	"slices"
	"strings"
)

// symbols give names to what is random, so that states can be compared.
type symbols struct {
	w                          *world
	clients, secrets, versions []string
}

func (k *symbols) name(all *[]string, value string) string {
	if value == "" {
		return "-"
	}
	i := slices.Index(*all, value)
	if i < 0 {
		i = len(*all)
		*all = append(*all, value)
	}
	return fmt.Sprint(i)
}

// pingOne describes what PingOne holds of the applications that have a part.
func (k *symbols) pingOne() (s string) {
	for _, id := range k.clients {
		live := k.w.ping.Secret(k.w.app.Environment, id)
		s += fmt.Sprintf("current %s, previous %s used %t;", k.name(&k.secrets, live.Value), k.name(&k.secrets, live.Previous), !live.PreviousLastUsed.IsZero())
	}
	return s
}

// labels describes which version has which label.
func (k *symbols) labels() (s string) {
	for _, label := range []string{"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"} {
		s += label + " " + k.name(&k.versions, k.w.sm.VersionID(orders, label)) + ";"
	}
	return s
}

// values describes what the versions hold that have a label.
func (k *symbols) values() (s string) {
	for _, label := range []string{"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"} {
		s += k.name(&k.versions, k.w.sm.VersionID(orders, label)) + " holds " + k.name(&k.secrets, k.w.secret(label)) + ";"
	}
	return s
}

func (k *symbols) whole() string { return k.pingOne() + k.labels() + k.values() }

// meets describes the part of the state that the reply to a call depends on.
func (k *symbols) meets(call string) string {
	switch {
	case call == "DescribeSecret":
		return k.labels()
	case strings.HasSuffix(call, " secret"):
		return k.pingOne()
	case call == "GET application":
		return ""
	}
	return k.whole()
}
