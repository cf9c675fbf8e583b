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

	"pingrotate/internal/registertest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"

	"pgregory.net/rapid"
)

var (
	walks        = flag.Duration("walks", 0, "walk at random for this long")
	verboseWalks = flag.Bool("walks.reads", false, "tell of each read in the report of a walk that fails")
)

// A survey is what the walks of a family have been through.
type survey struct {
	walks, ops, calls, looks int
	excused                  map[string]int
	seen                     map[string]int // walks in which it happened
	failed                   string         // the first report
}

// TestRandomWalks does what no one would think of, in any order, and checks the promise
// after every call; then it stops all interference, and audits alone must bring
// everything to rest. rapid logs the seed of a walk that fails, and makes it shorter.
func TestRandomWalks(t *testing.T) {
	set := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { set[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": "5", "rapid.nofailfile": "true"} { // a few walks cost seconds each
		if old := flag.Lookup(name).Value.String(); !set[name] {
			flag.Set(name, value)
			defer flag.Set(name, old)
		}
	}
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			sum := &survey{seen: map[string]int{}, excused: map[string]int{}}
			begun := time.Now()
			for sum.walks == 0 || time.Since(begun) < *walks/time.Duration(len(families)) {
				ok := t.Run("walks", func(t *testing.T) {
					rapid.Check(t, func(r *rapid.T) {
						s := anySetting(r)
						if report := sum.walk(t, s, script(f).Draw(r, "script")); report != "" {
							first, _, _ := strings.Cut(report, "\n")
							r.Fatal(first)
						}
					})
				})
				if !ok {
					if file := os.Getenv("WALK_REPORT"); file != "" {
						os.WriteFile(file, []byte(sum.failed), 0o644)
					}
					t.Fatalf("the shortest walk that failed:\n%s", sum.failed)
				}
			}
			sum.conclude(t, f)
		})
	}
}

// conclude prints how many checks were excused, and by which of the promise's exceptions.
func (sum *survey) conclude(t *testing.T, f family) {
	excused := 0
	for _, n := range sum.excused {
		excused += n
	}
	t.Logf("%d walks, %d operations, %d remote calls; %d checks of AWSCURRENT, %d of them excused (%.2f %%): %v",
		sum.walks, sum.ops, sum.calls, sum.looks, excused, 100*float64(excused)/float64(max(1, sum.looks)), sum.excused)
	t.Logf("walks that came to: %v", sum.seen)
	for cause := range maps.Keys(sum.excused) {
		if !slices.Contains(f.causes, cause) {
			t.Errorf("checks were excused by what does not happen in these walks: %s", cause)
		}
	}
}

// walk takes one walk in a world of its own, and returns what went wrong.
func (sum *survey) walk(t *testing.T, s setting, ops []op) (report string) {
	j := &judge{TB: t}
	defer j.end()
	ping, sm := pingonetest.Run(j), secretsmanagertest.Run(j)
	synctest.Test(t, func(t *testing.T) {
		ping.Follow(time.Now)
		sm.Follow(time.Now)
		db := registertest.Within(j)
		db.Follow(time.Now)
		w := newWalk(t, ping, sm, db, s)
		w.say("%+v", s)
		for _, o := range ops {
			if w.broken() {
				break
			}
			w.tell("%s %s", w.ping.Now().Format("02 15:04:05"), o.name)
			w.next = time.Time{}
			w.relist()
			if err := o.do(w); err != nil {
				w.tell("  -> %v", err)
			}
		}
		if !w.broken() {
			w.rest()
		}
		<-time.After(time.Hour) // for what is late
		w.breaches = append(w.breaches, j.complaints()...)
		if len(w.breaches) > 0 {
			report = w.report()
			sum.failed = report // shrinking ends with the shortest
		}
		sum.walks++
		sum.ops += len(ops)
		sum.calls += len(ping.Calls()) + len(sm.Calls()) + len(db.Calls())
		sum.looks += w.looks
		for cause, n := range w.excused {
			sum.excused[cause] += n
		}
		for what := range w.seen {
			sum.seen[what]++
		}
	})
	return report
}

func (w *walk) broken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.breaches) > 0
}

// report describes a walk that broke a promise.
func (w *walk) report() string {
	return strings.Join(w.breaches, "\n") + "\nthe walk:\n  " + strings.Join(w.story, "\n  ") +
		"\nSecrets Manager:\n" + w.sm.Dump() + "PingOne:\n" + w.ping.Dump() + "register:\n" + w.db.Dump() + "log:\n" + w.log.String()
}

// judge is a testing.TB for the services of one walk: what they complain about is
// the walk's, and they end with it.
type judge struct {
	testing.TB
	mu       sync.Mutex
	said     []string
	cleanups []func()
}

func (j *judge) Helper() {}

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
