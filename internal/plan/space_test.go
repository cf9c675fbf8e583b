package plan_test

import (
	"flag"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/plan"
)

var prove = flag.Bool("prove", false, "try a hundred times as many situations")

// The space of small situations is a product of axes: how AWSCURRENT stands, what the run's
// version holds, which labels there are, what the register's item says, and so on. Each
// value of an axis changes the situation that the values before it made.

const (
	arn      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders"
	sibling  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-copy"
	app      = "app"
	twin     = "twin"
	rotation = "v-own" // the run's ClientRequestToken
	atFirst  = "v-current"
	before   = "v-before"
	other    = "v-other"
	grace    = 24 * time.Hour
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// A value is one point of an axis.
type value struct {
	name string
	set  func(*plan.Situation)
}

type axis []value

// A family is a product of related axes.
type family struct {
	name string
	axes []axis
}

func (f family) size() int {
	n := 1
	for _, a := range f.axes {
		n *= len(a)
	}
	return n
}

// each calls do for every strideth situation of the family, until it reports false.
func (f family) each(stride int, do func(s plan.Situation, names []string) bool) (played int) {
	sizes := make([]int, len(f.axes)+1)
	sizes[len(f.axes)] = 1
	for i := len(f.axes) - 1; i >= 0; i-- {
		sizes[i] = sizes[i+1] * len(f.axes[i])
	}
	names := make([]string, len(f.axes))
	again := true
	var visit func(s plan.Situation, depth, first int)
	visit = func(s plan.Situation, depth, first int) {
		if depth == len(f.axes) {
			played++
			again = do(s, names)
			return
		}
		for i, v := range f.axes[depth] {
			if !again {
				return
			}
			from := first + i*sizes[depth+1]
			if next := (from + stride - 1) / stride * stride; next >= from+sizes[depth+1] {
				continue
			}
			next := s
			v.set(&next)
			names[depth] = v.name
			visit(next, depth+1, from)
		}
	}
	visit(plan.Situation{Now: now, Secret: arn, Grace: grace, Changed: ago(time.Hour)}, 0, 0)
	return played
}

// in returns a copy of a map with one entry changed: other situations share the map.
func in[V any](m map[string]V, key string, change func(V) V) map[string]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]V{}
	}
	m[key] = change(m[key])
	return m
}

func with[V any](m map[string]V, key string, v V) map[string]V {
	return in(m, key, func(V) V { return v })
}

// of returns the values with these names.
func (a axis) of(names ...string) axis {
	var some axis
	for _, n := range names {
		for _, v := range a {
			if v.name == n {
				some = append(some, v)
			}
		}
	}
	if len(some) != len(names) {
		panic("no such value: " + strings.Join(names, ", "))
	}
	return some
}

// families are the products that are played. An axis that cannot matter to a goal has one
// value there. With -prove, families named after their axes are played in full, and the
// others, which join all axes, in part.
var families = []family{
	{"create: standing, answers, version", []axis{goals.of("createSecret", "manual create"), holds, strategies, standings, twins, answers, owns}},
	{"create: standing, register", []axis{goals.of("createSecret", "manual create", "check"), holds, strategies, standings, twins, items,
		emergencies.of("no emergency", "swift"), progress[:4]}},
	{"create: standing, flags", []axis{goals.of("createSecret", "manual create", "check"), holds, strategies, standings, twins,
		labels.of("no more labels", "AWSPENDING on the shown one"), changes, flags, progress[:4]}},
	{"create", []axis{goals.of("createSecret", "manual create", "check"), holds, strategies, standings, twins, answers, owns,
		labels.of("no more labels", "AWSPENDING on the shown one"), changes, items, emergencies.of("no emergency", "swift"), flags, progress[:4]}},
	{"finish: version, labels", []axis{goals.of("finishSecret", "manual finish"), holds, strategies, standings, twins, answers.of("accepted, shown one accepted"), owns, labels, progress[2:4]}},
	{"finish", []axis{goals.of("finishSecret", "manual finish"), holds, strategies, standings, twins, answers.of("accepted, shown one accepted"), owns, labels, changes, items,
		emergencies.of("no emergency", "swift"), flags.of("as usual", "disabled", "closed"), progress[:4]}},
	{"audit: standing, answers, labels", []axis{goals.of("audit"), holds, strategies[:2], standings, twins, answers, labels[:9], changes}},
	{"audit", []axis{goals.of("audit", "read-only audit"), holds, strategies, standings, twins, answers, labels[:9], changes, items,
		emergencies.of("no emergency", "swift"), flags[:6]}},
	{"emergency: standing, register", []axis{goals.of("emergency", "follow"), holds[1:3], strategies[:2], standings, twins, answers, items, emergencies[1:], progress[3:]}},
	{"emergency: standing, flags", []axis{goals.of("emergency", "follow"), holds[1:3], strategies[:2], standings, twins, items, emergencies[1:],
		flags.of("disabled", "replicas lag"), progress[3:]}},
	{"emergency", []axis{goals.of("emergency", "follow"), holds, strategies, standings, twins, answers, labels[:9], changes[:1], items, emergencies, flags.of("as usual", "disabled", "replicas lag"), progress}},
	{"end previous: standing, answers, labels", []axis{goals.of("end previous", "end previous, lock out", "end previous of another"), holds, strategies[:2], standings, twins, answers, labels[:9], changes}},
	{"end previous", []axis{goals.of("end previous", "end previous, lock out", "end previous of another", "end previous, preview"), holds, strategies, standings, twins, answers, labels[:9], changes, items,
		emergencies.of("no emergency", "swift"), flags, progress}},
	{"rollback", []axis{goals.of("rollback"), holds, strategies, standings, twins, answers, labels[:9], changes, items, emergencies.of("no emergency", "swift"), flags[:2]}},
}

// forEach plays the families and logs how much of each it played. The check returns what is
// wrong, or nothing. A family ends at its third fault.
//
// It plays at most this many situations of each family: a hundred times as many with
// -prove, and a quarter with -short.
func forEach(t *testing.T, most int, check func(plan.Situation) string) {
	t.Helper()
	switch {
	case *prove:
		most *= 100
	case testing.Short():
		most /= 4
	}
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			stride := 1
			if f.size() > most {
				stride = f.size()/most | 1
				for f.shares(stride) {
					stride += 2
				}
			}
			wrong := 0
			played := f.each(stride, func(s plan.Situation, names []string) bool {
				if text := check(s); text != "" {
					wrong++
					t.Errorf("%s\n%s", text, strings.Join(names, " | "))
				}
				return wrong < 3
			})
			t.Logf("%d of %d situations, %d wrong", played, f.size(), wrong)
		})
	}
}

// shares reports whether a stride would meet only some of an axis's values.
func (f family) shares(stride int) bool {
	for _, a := range f.axes {
		for _, p := range []int{2, 3, 5, 7, 11, 13, 17, 19, 23} {
			if stride%p == 0 && len(a)%p == 0 {
				return true
			}
		}
	}
	return false
}

func show(s plan.Situation, m plan.Move) string {
	return fmt.Sprintf("%v %v (%s) application %s, fingerprint %s, label %s, from %s, to %s, ask %v", m.Kind, m.Why, m.Decision, m.Application, m.Fingerprint, m.Label, m.From, m.To, m.Ask)
}
