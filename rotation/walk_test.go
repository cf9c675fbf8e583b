package rotation_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"pgregory.net/rapid"
)

var walks = flag.Duration("walks", 0, "walk at random for this long")

// An op is one thing that happens in a walk. Its error is what whoever did it saw.
type op struct {
	name string
	do   func(*walk) error
}

func (o op) GoString() string { return o.name }

var (
	verbs = strings.Fields("wait wait wait begin rotate rotate rotate rotate rotate test step step step step step step step " +
		"fault fault fault fault fault die die die interfere interfere interfere restart " +
		"regenerate regenerate regenerate disable method role write byhand unlabel rollback rollback rollback rollback consume consume lag keep delay")
	places = []string{
		pingonetest.OpRegenerateSecret, "PutSecretValue", "UpdateSecretVersionStage", pingonetest.OpToken,
		pingonetest.OpReadSecret, pingonetest.OpReadApplication, "DescribeSecret", "GetSecretValue",
	}
	sequence = []rotation.Step{rotation.CreateSecret, rotation.SetSecret, rotation.TestSecret, rotation.FinishSecret}
	jumps    = []time.Duration{time.Second, 10 * time.Second, time.Minute, 30 * time.Minute, 3 * time.Hour, 3 * time.Hour, 3 * time.Hour, 23 * time.Hour, 40 * time.Hour}
)

// episode draws some operations that are mostly about one secret, for two that are
// about different ones seldom have to do with each other.
var episode = rapid.Custom(func(t *rapid.T) []op {
	i := rapid.SampledFrom([]int{2, 2, 2, 3, 3, 4, twins, twins, twins, 0, 0, 1}).Draw(t, "secret")
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) op { return anyOp(t, i) })).Draw(t, "ops")
})

// anyOp draws an operation on the ledger with the index.
func anyOp(t *rapid.T, i int) op {
	named := func(words ...any) string { return strings.TrimSpace(fmt.Sprintln(append(words, "of", i)...)) }
	on := func(name string, do func(*walk, *ledger) error) op {
		return op{name, func(w *walk) error { return do(w, w.ledgers[i]) }}
	}
	// What people do is done at once: no fault comes in between.
	people := func(name string, do func(*walk, *ledger)) op {
		return on(name, func(w *walk, l *ledger) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			do(w, l)
			return nil
		})
	}
	regenerate := func() (string, func(*walk, *ledger)) {
		retain := rapid.SampledFrom([]time.Duration{48 * time.Hour, time.Hour, 0}).Draw(t, "retain")
		return fmt.Sprintf("regenerate, keep %v", retain), func(w *walk, l *ledger) { w.regenerate(l, retain) }
	}
	verb := rapid.SampledFrom(verbs).Draw(t, "verb")
	if i == twins && slices.Contains([]string{"disable", "method", "role", "write", "byhand"}, verb) {
		// The first three change one application, and its twin follows only with the next
		// rotation. The others take AWSPREVIOUS off the twin's version, and an idle secret
		// that no version holds is regenerated whatever an earlier attempt has done.
		verb = "rotate"
	}
	if verb == "rollback" && i != twins {
		verb = "rotate" // there is no way back
	}
	switch verb {
	case "begin":
		return on(named(verb), (*walk).begin)
	case "rotate":
		return on(named(verb), (*walk).rotate)
	case "test":
		return on(named(verb), func(w *walk, l *ledger) error { return w.sm.TestOnly(w.t.Context(), l.name) })
	case "step":
		step := rapid.SampledFrom(sequence).Draw(t, "step")
		back := rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2}).Draw(t, "back")
		return on(named(step, back, "rotations ago"), func(w *walk, l *ledger) error { return w.step(l, step, back) })
	case "fault", "die", "interfere":
		at := trigger{operation: rapid.SampledFrom(places).Draw(t, "operation"), n: rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "n")}
		what := ""
		switch verb {
		case "fault":
			at.kind = rapid.SampledFrom(fault.Kinds()).Draw(t, "kind")
			what = at.kind.String()
		case "die":
			at.death, at.kind = true, rapid.SampledFrom([]fault.Kind{fault.Refused, fault.ReplyLost}).Draw(t, "when")
			what = "death, " + at.kind.String()
		default:
			name, do := regenerate()
			at.act, what = func(w *walk) { do(w, w.ledgers[i]) }, named(name)
		}
		return op{fmt.Sprintf("at %s %d: %s", at.operation, at.n, what), func(w *walk) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			armed := at
			w.armed = append(w.armed, &armed)
			return nil
		}}
	case "restart":
		return on(verb, func(w *walk, _ *ledger) error { w.connect(w.toPingOne, w.toSecretsManager); return nil })
	case "regenerate":
		name, do := regenerate()
		return people(named(name), do)
	case "disable":
		return people(named(verb), func(w *walk, l *ledger) {
			w.change(l, func(a *pingonetest.Application) { a.Disabled = !a.Disabled })
		})
	case "method":
		return people(named(verb), func(w *walk, l *ledger) {
			w.change(l, func(a *pingonetest.Application) {
				a.TokenEndpointAuthMethod = map[string]string{"CLIENT_SECRET_BASIC": "CLIENT_SECRET_POST"}[a.TokenEndpointAuthMethod]
				if a.TokenEndpointAuthMethod == "" {
					a.TokenEndpointAuthMethod = "CLIENT_SECRET_BASIC"
				}
			})
		})
	case "role":
		role := rapid.SampledFrom([]string{developer, superior}).Draw(t, "role")
		return people(named(verb, role), func(w *walk, l *ledger) {
			w.change(l, func(a *pingonetest.Application) { toggle(a, role) })
		})
	case "write":
		return people(named(verb), func(w *walk, l *ledger) {
			w.write(l, func(d map[string]any) { d["Note"] = l.note + 1 })
		})
	case "byhand":
		name, do := regenerate()
		return people(named(name, "and store"), func(w *walk, l *ledger) {
			do(w, l)
			w.write(l, func(d map[string]any) {
				d["clientSecret"], d["tokenEndpointAuthMethod"] = l.live, l.app.TokenEndpointAuthMethod
			})
		})
	case "unlabel":
		return on(named(verb), (*walk).unlabel)
	case "rollback":
		return on(named(verb), func(w *walk, l *ledger) error {
			// Where reads are late a rollback cannot see the rotation that is under way, nor that
			// one the rollback: it may then regenerate what has just come into use again, with a grace.
			if w.lagging {
				return nil
			}
			return w.invoke(w.t.Context(), fmt.Appendf(nil, `{"action":"rollback","secretId":%q}`, l.name))
		})
	case "consume":
		old := rapid.Bool().Draw(t, "old")
		return on(named(verb, "with the old secret:", old), func(w *walk, l *ledger) error { return w.consume(l, old) })
	case "lag":
		n := rapid.SampledFrom([]int{0, 1, 2, longestLag}).Draw(t, "reads")
		return op{fmt.Sprintf("%s %d", verb, n), func(w *walk) error { w.sm.LagReads(n); w.lagging = w.lagging || n > 0; return nil }}
	case "keep":
		keep := rapid.Bool().Draw(t, "keep")
		return op{fmt.Sprintf("%s %t", verb, keep), func(w *walk) error { w.sm.KeepPending(keep); w.kept = w.kept || keep; return nil }}
	case "delay":
		d := rapid.SampledFrom([]time.Duration{0, 20 * time.Second, 2 * time.Minute}).Draw(t, "delay")
		return op{fmt.Sprintf("%s %v", verb, d), func(w *walk) error {
			w.ping.PropagationDelay(d)
			w.advance(d + time.Minute) // it is for secrets to come
			return nil
		}}
	default:
		d := rapid.SampledFrom(jumps).Draw(t, "wait")
		return op{"wait " + d.String(), func(w *walk) error { w.advance(d); return nil }}
	}
}

// A survey is what walks have been through.
type survey struct {
	walks, ops, calls, looks, excuses int
	seen                              map[string]int // walks in which it happened
	failed                            string         // the first report
}

// situations are what a walk must sometimes come to, and the words by which a log
// says so.
var situations = map[string]string{
	"mint": `"decision":"regenerate`, "adopt": `"decision":"adopt"`, "drift": `"decision":"drift"`, "seed": `"decision":"seed"`,
	"refuse": `"decision":"refuse"`, "poisoned": `"decision":"poisoned`, "rescue": `, rescue"`, "promote": `"decision":"promote"`,
	"read back": `"decision":"regenerate, outcome read back"`, "already stored": `"decision":"already stored"`, "already promoted": `"decision":"already promoted"`,
	"roll back": `"outcome":"rolledBack"`,
}

// TestRandomWalks does what nobody would think of, in any order, and checks the
// promise after every call; then it stops all interference, and every secret must
// be promoted within a few attempts.
func TestRandomWalks(t *testing.T) {
	enough := 200
	if testing.Short() {
		enough = 40
	}
	sum := &survey{seen: map[string]int{}}
	begun := time.Now()
	for sum.walks < enough || time.Since(begun) < *walks {
		ok := t.Run("walks", func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				unseeded := rapid.SampledFrom([]int{0, 0, 4, 8, 16, 28}).Draw(r, "unseeded")
				ops := rapid.SliceOfN(episode, 2, -1).Draw(r, "episodes")
				if report := sum.walk(t, unseeded, slices.Concat(ops...)); report != "" {
					r.Fatal(report)
				}
			})
		})
		if !ok {
			t.Fatalf("the first walk that failed:\n%s", sum.failed)
		}
	}
	found := fmt.Sprintf("%d walks, %d operations, %d remote calls, %d checks of a secret, %d of them excused: %v",
		sum.walks, sum.ops, sum.calls, sum.looks, sum.excuses, sum.seen)
	if t.Log(found); *walks > 0 {
		fmt.Fprintln(os.Stderr, found)
	}
	for _, name := range append(slices.Collect(maps.Keys(situations)), "flip back") {
		if sum.seen[name] == 0 && !testing.Short() {
			t.Errorf("no walk came to %s", name)
		}
	}
	if sum.excuses*3 > sum.looks {
		t.Errorf("%d of %d checks excused, which is too many to prove anything", sum.excuses, sum.looks)
	}
}

// walk takes one walk in a world of its own, and returns what went wrong.
func (sum *survey) walk(t *testing.T, unseeded int, ops []op) (report string) {
	j := &judge{TB: t}
	defer j.end()
	ping, sm := pingonetest.Run(j), secretsmanagertest.Run(j)
	synctest.Test(t, func(t *testing.T) {
		ping.Follow(time.Now)
		sm.Follow(time.Now)
		w := newWalk(t, ping, sm, unseeded)
		for _, o := range ops {
			w.say("%s %s", w.ping.Now().Format("02 15:04:05"), o.name)
			if err := o.do(w); err != nil {
				w.say("  -> %v", err)
			}
		}
		log := w.log.String()
		w.heal()
		w.breaches = append(w.breaches, j.complaints()...)
		if len(w.breaches) > 0 {
			report = w.report()
		}
		if sum.failed == "" {
			sum.failed = report
		}
		sum.walks++
		sum.ops += len(ops)
		sum.calls += len(ping.Calls()) + len(sm.Calls())
		sum.looks += w.looks
		sum.excuses += w.excuses
		if w.ledgers[twins].pair.flips > 1 {
			sum.seen["flip back"]++
		}
		for name, words := range situations {
			if strings.Contains(log, words) {
				sum.seen[name]++
			}
		}
	})
	return report
}

// judge is a testing.TB for the services of one walk: what they complain about is
// the walk's, and they end with it.
type judge struct {
	testing.TB
	mu       sync.Mutex
	said     []string
	cleanups []func()
}

func (j *judge) Logf(string, ...any) {}

func (j *judge) Cleanup(f func()) { j.cleanups = append(j.cleanups, f) }

func (j *judge) Errorf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said = append(j.said, fmt.Sprintf(format, args...))
}

func (j *judge) Fatalf(format string, args ...any) {
	j.Errorf(format, args...)
	runtime.Goexit()
}

func (j *judge) complaints() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said
}

func (j *judge) end() {
	for _, f := range j.cleanups {
		f()
	}
}
