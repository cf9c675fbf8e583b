package rotation_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"pgregory.net/rapid"
)

// A family is a kind of walk, by what may happen in it.
type family struct {
	name   string
	verbs  []string
	causes []string // the exceptions of the promise that it may come to
}

// In a calm walk, nothing of what the promise excepts happens. A crowd adds invocations
// that meet, and requests that are late by less than a lease. In a wild walk there is all.
var (
	ours = "wait wait wait wait begin attempt attempt attempt attempt attempt step step step step step step " +
		"manual manual manual audit audit audit rollback rollback check check check check swift swift " +
		"fault fault fault fault fault die die die die restart consume consume consume lag lag nodes cut lose keep " +
		"disable method role write meddle"
	families = []family{
		{"calm", strings.Fields(ours + " edit"), nil},
		{"crowd", strings.Fields(ours + " meanwhile meanwhile meanwhile meanwhile meanwhile meanwhile late late late"), []string{tooLate}},
		{"wild", strings.Fields(ours + " meanwhile meanwhile meanwhile late late late later regenerate regenerate regenerate regenerate replace old empty back contain contain contain interfere interfere interfere interfere forge forge unlabel loseall twice unprevious spoil delete delete"),
			[]string{tooLate, byConsoleInWalk, unseenAct, byHandInWalk, onPurpose}},
	}
	sequence = []rotation.Step{rotation.CreateSecret, rotation.SetSecret, rotation.TestSecret, rotation.FinishSecret}
	jumps    = []time.Duration{time.Second, 10 * time.Second, time.Minute, 3 * time.Minute, 30 * time.Minute, 3 * time.Hour, 3 * time.Hour, 3 * time.Hour,
		10 * time.Hour, 23 * time.Hour, 40 * time.Hour, 9 * 24 * time.Hour, 60 * 24 * time.Hour}
	at = []string{
		pingonetest.OpRegenerateSecret, pingonetest.OpRegenerateSecret, "PutSecretValue", "UpdateSecretVersionStage", pingonetest.OpToken, pingonetest.OpDeletePrevious,
		pingonetest.OpReadSecret, pingonetest.OpReadSecret, pingonetest.OpReadApplication, "DescribeSecret", "GetSecretValue", "PutItem", "PutItem", "GetItem", "Query", "DeleteItem", "ListSecrets",
		pingonetest.OpCreateApplication, pingonetest.OpListApplications,
	}
	reads = []string{"DescribeSecret", "GetSecretValue", "ListSecrets", pingonetest.OpReadSecret, pingonetest.OpReadSecret, pingonetest.OpReadApplication, pingonetest.OpToken, pingonetest.OpListApplications}
	lags  = []time.Duration{0, 2 * time.Second, 10 * time.Second, 40 * time.Second}
)

// A setting is what a walk begins with.
type setting struct {
	unseeded int  // a mask of the secrets that are not seeded
	fresh    bool // the register knows nothing
	eager    bool // hourly audits
}

func anySetting(t *rapid.T) setting {
	return setting{
		unseeded: rapid.SampledFrom([]int{0, 0, 0, 4, 8, 32, 60}).Draw(t, "unseeded"),
		fresh:    rapid.Bool().Draw(t, "fresh"),
		eager:    rapid.Bool().Draw(t, "eager"),
	}
}

// An op is one thing that happens in a walk. Its error is what its author saw.
type op struct {
	name string
	do   func(*walk) error
}

func (o op) GoString() string { return o.name }

// script draws episodes, each mostly about one secret: two operations about different
// ones seldom have to do with each other.
func script(f family) *rapid.Generator[[]op] {
	return rapid.Custom(func(t *rapid.T) []op {
		var all []op
		for _, episode := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []op {
			i := rapid.SampledFrom([]int{2, 2, 2, 3, 3, 4, 5, 5, 5, 0, 0, 1}).Draw(t, "secret")
			return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) op { return f.anyOp(t, i, f.verbs) }), 1, 12).Draw(t, "ops")
		}), 2, 6).Draw(t, "episodes") {
			all = append(all, episode...)
		}
		return all
	})
}

// invocations are what may run while another one is at work.
var invocations = strings.Fields("attempt step step step step manual audit audit rollback swift")

// anyOp draws an operation on the secret with the index.
func (f family) anyOp(t *rapid.T, i int, verbs []string) op {
	verb := rapid.SampledFrom(verbs).Draw(t, "verb")
	of := fmt.Sprintf(" of %d", i)
	on := func(name string, do func(*walk, *walkSecret) error) op {
		return op{name + of, func(w *walk) error { return do(w, w.secrets[i]) }}
	}
	switch verb {
	case "wait":
		d := rapid.SampledFrom(jumps).Draw(t, "wait")
		return op{"wait " + d.String(), func(w *walk) error { w.pass(d); return nil }}
	case "begin":
		return on(verb, (*walk).begin)
	case "attempt":
		return on(verb, (*walk).attempt)
	case "step":
		step := rapid.SampledFrom(sequence).Draw(t, "step")
		back := rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2}).Draw(t, "back")
		return on(fmt.Sprint(step, ", ", back, " rotations ago,"), func(w *walk, s *walkSecret) error { return w.step(s, step, back) })
	case "manual":
		again := rapid.Bool().Draw(t, "again")
		before := rapid.SampledFrom([]time.Duration{0, 0, time.Minute, 30 * time.Hour}).Draw(t, "before")
		return on(fmt.Sprintf("manual rotation, again %t, if stored %v ago or before,", again, before), func(w *walk, s *walkSecret) error {
			var t time.Time
			if before > 0 {
				t = w.ping.Now().Add(-before)
			}
			return w.manual(s, again, t)
		})
	case "audit":
		readOnly := rapid.SampledFrom([]bool{false, false, false, true}).Draw(t, "readOnly")
		return op{fmt.Sprintf("audit, read only %t", readOnly), func(w *walk) error {
			_, err := w.do(rotation.Action{Action: "audit", ReadOnly: readOnly})
			return err
		}}
	case "rollback":
		return on(verb, func(w *walk, s *walkSecret) error {
			return w.outcome(w.do(rotation.Action{Action: "rollback", SecretID: s.name}))
		})
	case "check":
		return on(verb, (*walk).check)
	case "swift", "contain":
		again := rapid.Bool().Draw(t, "again")
		return on(fmt.Sprintf("emergency %s, again %t", verb, again), func(w *walk, s *walkSecret) error { return w.emergency(s, rotation.Emergency(verb), again) })
	case "fault", "die", "late", "later", "meanwhile", "interfere":
		return f.trigger(t, i, verb)
	case "restart":
		return op{verb, func(w *walk) error { w.mu.Lock(); defer w.mu.Unlock(); w.rotator = w.process(); return nil }}
	case "consume":
		old := rapid.Bool().Draw(t, "old")
		return on(fmt.Sprintf("consume, old %t", old), func(w *walk, s *walkSecret) error { return w.consume(s, old) })
	case "lag":
		which, d := rapid.SampledFrom(reads).Draw(t, "read"), rapid.SampledFrom(lags).Draw(t, "lag")
		return op{fmt.Sprintf("%s lags by %v", which, d), func(w *walk) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lag[which] = d
			if which == "ListSecrets" {
				w.lag[which] = d * 7 // up to five minutes
			}
			return nil
		}}
	case "nodes":
		n := rapid.SampledFrom([]int{0, 1, 2, 3}).Draw(t, "nodes")
		return op{fmt.Sprintf("nodes %d", n), func(w *walk) error {
			w.ping.Nodes([][]pingonetest.Node{{}, {{Learns: 20 * time.Second}}, {{}, {Learns: 5 * time.Second, Forgets: 20 * time.Second}}, {{Learns: 20 * time.Second, Forgets: 10 * time.Second}}}[n]...)
			w.nodes = n > 0
			return nil
		}}
	case "cut":
		cut := rapid.Bool().Draw(t, "cut")
		return op{fmt.Sprintf("register out of reach %t", cut), func(w *walk) error { w.mu.Lock(); defer w.mu.Unlock(); w.cutOff = cut; return nil }}
	case "keep":
		keep := rapid.Bool().Draw(t, "keep")
		return op{fmt.Sprintf("AWSPENDING stays %t", keep), func(w *walk) error { w.sm.KeepPending(keep); return nil }}
	}
	return f.people(t, i, verb)
}

// people draws what a person does.
func (f family) people(t *rapid.T, i int, verb string) op {
	person := func(name string, do func(*walk, *walkSecret)) op {
		return op{fmt.Sprintf("a person: %s of %d", name, i), func(w *walk) error {
			w.person(func() { do(w, w.secrets[i]) })
			return nil
		}}
	}
	change := func(name string, do func(*pingonetest.Application)) op {
		return person(name, func(w *walk, s *walkSecret) { w.edit(w.client(s), do) })
	}
	switch verb {
	case "regenerate", "replace":
		retain := rapid.SampledFrom([]time.Duration{48 * time.Hour, 5 * time.Hour, 0}).Draw(t, "retain")
		return person(fmt.Sprintf("%s, keep %v,", verb, retain), func(w *walk, s *walkSecret) {
			w.console(s, retain)
			if verb == "replace" {
				w.compare(fault.Call{}, "a person", false, nil)
				w.storeRight(s)
			}
		})
	case "disable":
		return change(verb, func(a *pingonetest.Application) { a.Disabled = !a.Disabled })
	case "method":
		return change(verb, otherMethod)
	case "role":
		role := rapid.SampledFrom([]string{developer, superior}).Draw(t, "role")
		return change("role "+role, func(a *pingonetest.Application) { setRole(a, role, !hasRole(a, role)) })
	case "write", "edit":
		return person("edits the document", func(w *walk, s *walkSecret) { w.write(s, func(d map[string]any) { d["Note"] = s.note + 1 }) })
	case "old":
		return person("stores AWSPREVIOUS again", (*walk).storeOld)
	case "empty":
		return person("stores no secret", func(w *walk, s *walkSecret) { w.write(s, func(d map[string]any) { d["clientSecret"] = "" }) })
	case "twice":
		return person("stores no secret, twice", func(w *walk, s *walkSecret) {
			for n := range 2 {
				w.write(s, func(d map[string]any) { d["clientSecret"], d["edit"] = "", n })
			}
		})
	case "unprevious":
		return person("takes AWSPREVIOUS off", func(w *walk, s *walkSecret) { w.relabel(s, "AWSPREVIOUS", "") })
	case "spoil":
		return person("puts garbage as AWSPENDING", func(w *walk, s *walkSecret) { w.put(s, "AWSPENDING", "garbage") })
	case "delete":
		return person("deletes or restores the secret", (*walk).deleteOrRestore)
	case "back":
		return person("moves AWSCURRENT back", func(w *walk, s *walkSecret) { w.relabel(s, "AWSCURRENT", "AWSPREVIOUS") })
	case "unlabel":
		return person("takes AWSPENDING off", func(w *walk, s *walkSecret) { w.relabel(s, "AWSPENDING", "") })
	case "meddle":
		label := rapid.SampledFrom([]string{"AWSPENDING", "PINGROTATE", "PINGROTATE-HEAL", "COMPROMISED"}).Draw(t, "label")
		to := rapid.SampledFrom([]string{"AWSPREVIOUS", "AWSCURRENT", "AWSPENDING"}).Draw(t, "to")
		return person("puts "+label+" where "+to+" is", func(w *walk, s *walkSecret) { w.relabel(s, label, to) })
	case "forge":
		label := rapid.SampledFrom([]string{"AWSPENDING", "AWSPENDING", "PINGROTATE", "PINGROTATE-HEAL", "OTHER"}).Draw(t, "label")
		foreign := rapid.Bool().Draw(t, "foreign")
		return person(fmt.Sprintf("forges %s, foreign %t,", label, foreign), func(w *walk, s *walkSecret) { w.forge(s, label, foreign) })
	case "lose", "loseall":
		return person(verb+" the register's item", func(w *walk, s *walkSecret) { w.loseItem(s, verb == "loseall") })
	}
	panic(verb)
}

// trigger draws what happens at a call to come.
func (f family) trigger(t *rapid.T, i int, verb string) op {
	tr := trigger{operation: rapid.SampledFrom(at).Draw(t, "operation"), n: rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(t, "n")}
	what := verb
	switch verb {
	case "fault":
		tr.kind = rapid.SampledFrom(fault.Kinds()).Draw(t, "kind")
		what = tr.kind.String()
	case "die":
		tr.deathInWalk, tr.kind = true, rapid.SampledFrom([]fault.Kind{fault.Refused, fault.ReplyLost}).Draw(t, "when")
		what = "deathInWalk, " + tr.kind.String()
	case "late", "later":
		kinds := fault.LateKinds()
		if strings.Contains(tr.operation, "application secret") {
			kinds = kinds[:3] // what PingOne makes twice of one request, no program can prevent
		}
		tr.kind = rapid.SampledFrom(kinds).Draw(t, "kind")
		tr.delay = rapid.SampledFrom([]time.Duration{0, 5 * time.Second, 30 * time.Second}).Draw(t, "delay")
		if verb == "later" {
			tr.delay = rapid.SampledFrom([]time.Duration{43 * time.Second, 2 * time.Minute, 20 * time.Minute}).Draw(t, "delay")
		}
		what = fmt.Sprintf("%v, by %v", tr.kind, tr.delay)
	default:
		acts := invocations
		if verb == "interfere" {
			acts = strings.Fields("regenerate regenerate replace write old back forge unlabel disable method contain lose")
		}
		if !slices.Contains(f.causes, onPurpose) {
			acts = slices.DeleteFunc(slices.Clone(acts), func(v string) bool { return v == "contain" })
		}
		act := f.anyOp(t, i, acts)
		tr.act, what = &act, act.name
	}
	return op{fmt.Sprintf("at %s %d: %s", tr.operation, tr.n, what), func(w *walk) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		armed := tr
		w.armed = append(w.armed, &armed)
		return nil
	}}
}
