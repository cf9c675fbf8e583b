package rotation_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"pingrotate/internal/fault"
)

var duels = []duel{
	{
		name: "one rotation, invoked twice",
		second: func(w *world) [][]byte {
			return w.events()
		},
	},
	{
		name:   "one rotation, invoked twice, alternating",
		safe:   true,
		opts:   []option{alternate},
		second: func(w *world) [][]byte { return w.events() },
		before: func(w *world) {
			w.rotate()
			w.advance(25 * time.Hour)
			w.rotate()
			w.advance(25 * time.Hour)
		},
	},
	{
		name: "two rotations: AWSPENDING was taken away from one that still runs",
		second: func(w *world) [][]byte {
			if id := w.sm.VersionID(orders, "AWSPENDING"); id != "" && id != w.sm.VersionID(orders, "AWSCURRENT") {
				w.clear(id)
			}
			return begin(w)
		},
	},
	{
		name:   "an emergency, and a rotation that has just begun",
		second: emergencyEvent,
		leak:   true,
		safe:   true,
	},
	{
		name:   "an emergency, and a rotation that begins at any moment of it",
		first:  emergencyEvent,
		second: begin,
		leak:   true,
		large:  true,
	},
	{
		name:   "an emergency, and the retry of a rotation that was stuck",
		second: emergencyEvent,
		leak:   true,
		large:  true,
		before: func(w *world) {
			w.sm.Fail("GetSecretValue", fault.Denied)
			w.sm.Rotate(w.t.Context(), orders)
			w.sm.Before(nil)
			w.advance(time.Hour)
		},
	},
}

// begin starts a rotation, if Secrets Manager lets it, and returns its events.
func begin(w *world) [][]byte {
	if _, err := w.sm.Begin(orders); err != nil {
		return nil
	}
	return w.events()
}

func emergencyEvent(*world) [][]byte {
	return [][]byte{fmt.Appendf(nil, `{"action":"rotate","secretId":%q,"emergency":"swift","clientRequestToken":%q}`, orders, token)}
}

// TestInterleavings plays every interleaving of two invocations' calls. PingOne has
// no lock and no idempotency key, so two invocations that have both seen the state
// before either changed it both regenerate. What is shown is how rarely that is so,
// how soon it is mended, and that it always is. Without -prove it plays a sample.
func TestInterleavings(t *testing.T) {
	for _, d := range duels {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			g := &graph{duel: d}
			g.explore(t)
			if g.fail != "" {
				t.Fatal(g.fail)
			}
			if !*prove {
				return // a sample has no end to count to
			}
			row := ""
			if g.duel.large {
				row = fmt.Sprintf("| %s | %d | %d played, of more | %d | %d | all |\n", d.name, len(g.nodes), g.runs, g.broken, g.longest)
			} else {
				row = g.counted(t)
			}
			results.mu.Lock()
			results.duels = append(results.duels, row)
			results.mu.Unlock()
			t.Logf("%d runs: %s", g.runs, row)
		})
	}
}

// counted returns the row of a duel of which every interleaving has been played.
func (g *graph) counted(t *testing.T) string {
	d := g.duel
	n := g.count()
	broken := new(big.Int).Sub(n.all, n.unbroken)
	if g.duel.safe && broken.Sign() != 0 {
		t.Errorf("AWSCURRENT is dead at some time in %v interleavings", broken)
	}
	if n.longest > 12 {
		t.Errorf("AWSCURRENT is dead for %d calls, which is more than it takes to notice and to mend", n.longest)
	}
	return fmt.Sprintf("| %s | %d | %s | %s | %d | all |\n", d.name, len(g.nodes), grouped(n.all), grouped(broken), n.longest)
}

// grouped writes a number with its digits in groups of three.
func grouped(n *big.Int) string {
	s := n.String()
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
