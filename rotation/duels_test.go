package rotation_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/big"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/plan"
	"pingrotate/rotation"
)

const (
	secondToken = "ffffffff-0000-4000-8000-000000000002"
	thirdToken  = "ffffffff-0000-4000-8000-000000000003"
)

// The actors' events.

// scheduled are the four events of the rotation in progress.
func scheduled(w *world) (all [][]byte) {
	if w.sm.VersionID(orders, "AWSPENDING") == "" || w.sm.VersionID(orders, "AWSPENDING") == w.sm.VersionID(orders, "AWSCURRENT") {
		return nil
	}
	for _, s := range steps {
		all = append(all, w.sm.Event(orders, s))
	}
	return all
}

// another begins a rotation, if Secrets Manager allows it.
func another(w *world) [][]byte {
	if _, err := w.sm.Begin(orders); err != nil {
		return nil
	}
	return scheduled(w)
}

// unstuck takes AWSPENDING away from a rotation that may still run, and begins another.
func unstuck(w *world) [][]byte {
	if id := w.sm.VersionID(orders, "AWSPENDING"); id != "" && id != w.sm.VersionID(orders, "AWSCURRENT") {
		w.clear(id)
	}
	return another(w)
}

func event(format string, args ...any) func(*world) [][]byte {
	return func(*world) [][]byte { return [][]byte{fmt.Appendf(nil, format, args...)} }
}

var (
	actionEvent = event(`{"action":"rotate","secretId":%q,"clientRequestToken":%q}`, orders, secondToken)
	audited     = event(`{"action":"audit"}`)
	wayBack     = event(`{"action":"rollback","secretId":%q}`, orders)
	swift       = event(`{"action":"rotate","secretId":%q,"emergency":"swift","clientRequestToken":%q}`, orders, thirdToken)
	ended       = event(`{"action":"endPrevious","secretId":%q,"lockOut":true}`, orders)
	contains    = event(`{"action":"rotate","secretId":%q,"emergency":"contain","clientRequestToken":%q}`, orders, thirdToken)
)

// copyName is the name of another managed secret of the client.
const copyName = "pingone/orders-copy"

// heldTwice creates that managed secret, and makes the register know both.
func heldTwice(w *world) {
	w.put(copyName, document(w.app))
	w.sm.EnableRotation(copyName, functionARN)
	w.audit()
	w.advance(time.Hour)
}

// ofTheCopy begins a rotation of that managed secret.
func ofTheCopy(w *world) (all [][]byte) {
	if _, err := w.sm.Begin(copyName); err != nil {
		return nil
	}
	for _, s := range steps {
		all = append(all, w.sm.Event(copyName, s))
	}
	return all
}

// The states in which a duel begins.

// begun: Secrets Manager has just begun a rotation.
func begun(w *world) {
	w.t.Helper()
	if _, err := w.sm.Begin(orders); err != nil {
		w.t.Error(err)
	}
}

// flipped: two applications alternate, both have a secret, and a rotation has just begun.
func flipped(w *world) {
	w.rotate()
	w.advance(25 * time.Hour)
	w.rotate()
	w.advance(25 * time.Hour)
	begun(w)
}

// replaced: the secret was replaced an hour ago.
func replaced(w *world) {
	w.rotate()
	w.advance(time.Hour)
}

// replacedBegun: the secret was replaced an hour ago, and a rotation has just begun. It is
// refused, unless the previous secret ends first.
func replacedBegun(w *world) {
	replaced(w)
	w.advance(2 * plan.Quiet)
	begun(w)
}

// flippedBack: like flipped, without the rotation.
func flippedBack(w *world) {
	w.rotate()
	w.advance(25 * time.Hour)
	w.rotate()
	w.advance(25 * time.Hour)
}

// left: a manual rotation died after its mint.
func left(w *world) {
	w.sm.Fail("PutSecretValue", fault.None, fault.Denied, fault.Denied, fault.Denied, fault.Denied)
	if rep := w.do(rotation.Action{Action: "rotate", SecretID: orders}).(*rotation.Report); rep.Error == "" {
		w.t.Error("the manual rotation has not failed")
	}
	w.sm.Before(nil)
	w.advance(time.Hour)
}

// stuck: the first attempt of a rotation died after its mint.
func stuck(w *world) {
	w.sm.Fail("PutSecretValue", fault.None, fault.Denied, fault.Denied, fault.Denied, fault.Denied)
	if err := w.sm.Rotate(w.t.Context(), orders); err == nil {
		w.t.Error("the rotation is not stuck")
	}
	w.sm.Before(nil)
	w.advance(time.Hour)
}

type actors = []func(*world) [][]byte

var duels = []duel{
	{name: "one rotation, invoked twice", before: begun, actors: actors{scheduled, scheduled}},
	{name: "one rotation, invoked twice, alternating", opts: []option{alternate}, before: flipped, actors: actors{scheduled, scheduled}},
	{name: "one rotation, invoked twice, and a fault", before: begun, actors: actors{scheduled, scheduled}, faults: 1},
	{name: "one rotation, invoked twice, alternating, and a fault", opts: []option{alternate}, before: flipped, actors: actors{scheduled, scheduled}, faults: 1},
	{name: "one rotation, invoked twice, a fault and a stale read", before: begun, actors: actors{scheduled, scheduled}, faults: 1, stale: 1},
	{name: "one rotation, invoked three times, and a fault", before: begun, actors: actors{scheduled, scheduled, scheduled}, faults: 1},
	{name: "two rotations: AWSPENDING was taken away from one that still runs", before: begun, actors: actors{scheduled, unstuck}, faults: 1, stale: 1},
	{name: "two rotations, alternating", opts: []option{alternate}, before: flipped, actors: actors{scheduled, unstuck}, faults: 1, stale: 1},
	{name: "a rotation and a manual one", before: begun, actors: actors{scheduled, actionEvent}, faults: 1, stale: 1},
	{name: "a rotation and a manual one, alternating", opts: []option{alternate}, before: flipped, actors: actors{scheduled, actionEvent}, faults: 1, stale: 1},
	{name: "a manual rotation, and one that begins", actors: actors{actionEvent, another}, faults: 1, stale: 1},
	{name: "a rotation and an audit", before: begun, actors: actors{scheduled, audited}, faults: 1, stale: 1},
	{name: "the retry of a stuck rotation and an audit", before: stuck, actors: actors{scheduled, audited}, faults: 1, stale: 1},
	{name: "two audits of what a manual rotation has left", before: left, actors: actors{audited, audited}, faults: 1, stale: 1},
	{name: "a rotation, a manual one and an audit", before: begun, actors: actors{scheduled, actionEvent, audited}, faults: 1, stale: 1},
	{name: "the early end of a previous secret and a manual rotation", before: replaced, actors: actors{ended, actionEvent}, faults: 1, stale: 1},
	{name: "the early end of a previous secret and a rotation", before: replacedBegun, actors: actors{ended, scheduled}, faults: 1, stale: 1},
	{name: "the early end of a previous secret given twice, and a rotation", before: replaced, actors: actors{ended, ended, another}, faults: 1, stale: 1},
	{name: "the early end of a previous secret, a rotation and an audit", before: replaced, actors: actors{ended, another, audited}, faults: 1, stale: 1},
	{name: "the early end of previous secrets and a rotation, alternating", opts: []option{alternate}, before: flippedBack, actors: actors{ended, another}, faults: 1, stale: 1},
	{name: "the early end of a previous secret and a swift emergency", before: replaced, actors: actors{ended, swift}, faults: 1, stale: 1, leak: true, mints: 4},
	{name: "the early end of a previous secret and a stuck rotation", before: stuck, actors: actors{ended, scheduled}, faults: 1, stale: 1},
	{name: "a rotation and a rollback", opts: []option{alternate}, before: flipped, actors: actors{scheduled, wayBack}, faults: 1, stale: 1},
	{name: "a rollback and an audit", opts: []option{alternate}, before: flippedBack, actors: actors{wayBack, audited}, faults: 1, stale: 1},
	{name: "a swift emergency and a rotation", before: begun, actors: actors{swift, scheduled}, faults: 1, stale: 1, leak: true, mints: 4},
	{name: "a swift emergency and a rotation that begins at any moment of it", actors: actors{swift, another}, faults: 1, stale: 1, leak: true, mints: 4},
	{name: "a swift emergency and the retry of a stuck rotation", before: stuck, actors: actors{swift, scheduled}, faults: 1, stale: 1, leak: true, mints: 4},
	{name: "a swift emergency and an audit that completes it", actors: actors{swift, audited}, faults: 1, stale: 1, leak: true, mints: 3},
	{name: "a swift emergency given twice, and an audit", actors: actors{swift, swift, audited}, faults: 1, stale: 1, leak: true, mints: 3},
	{name: "a swift emergency, a rotation and an audit", before: begun, actors: actors{swift, scheduled, audited}, faults: 1, stale: 1, leak: true, mints: 4},
	{name: "a swift emergency and a rotation, alternating", opts: []option{alternate}, before: flipped, actors: actors{swift, scheduled}, faults: 1, stale: 1, leak: true, mints: 7},
	{name: "an emergency to contain and a rotation", before: begun, actors: actors{contains, scheduled}, faults: 1, stale: 1, leak: true, contain: true, mints: 4},
	{name: "an emergency to contain, and an audit", actors: actors{contains, audited}, faults: 1, stale: 1, leak: true, contain: true, mints: 3},
	{name: "an emergency to contain and a manual rotation", actors: actors{contains, actionEvent}, faults: 1, stale: 1, leak: true, contain: true, mints: 4},
	{name: "an emergency to contain and the retry of a stuck rotation", before: stuck, actors: actors{contains, scheduled}, faults: 1, stale: 1, leak: true, contain: true, mints: 4},
	{name: "an emergency to contain and a rotation, alternating", opts: []option{alternate}, before: flipped, actors: actors{contains, scheduled}, faults: 1, stale: 1, leak: true, contain: true, mints: 7},
	{name: "two managed secrets of one client rotate", copied: heldTwice, before: begun, actors: actors{scheduled, ofTheCopy}, faults: 1, stale: 1},
	{name: "two managed secrets of one client, an audit", copied: heldTwice, before: begun, actors: actors{scheduled, ofTheCopy, audited}, faults: 1, stale: 1},
	{name: "two managed secrets of one client, a swift emergency", copied: heldTwice, actors: actors{swift, ofTheCopy}, faults: 1, stale: 1, leak: true, mints: 5},
	{name: "a swift emergency and a rollback", opts: []option{alternate}, before: flippedBack, actors: actors{swift, wayBack}, faults: 1, stale: 1, leak: true, mints: 7},
}

var plays = flag.Int("plays", 0, "how many interleavings of each duel to play; 0 for as many as fit")

// TestInterleavings plays interleavings of the calls of several invocations. AWSCURRENT
// always authenticates, a rotation mints once, an emergency that reports its end has ended,
// and audits alone complete what is left. Equal states are played once. Without -prove, and
// where there are too many interleavings, it plays a sample, which is the same each time.
func TestInterleavings(t *testing.T) {
	for _, d := range duels {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			g := &graph{duel: d}
			limit := cmp.Or(*plays, 2)
			switch {
			case *prove:
				limit = cmp.Or(*plays, 70)
			case testing.Short():
				limit = 1
			}
			g.explore(t, limit)
			if g.fail != "" {
				t.Fatal(g.fail)
			}
			count := fmt.Sprintf("%d played, of more", g.runs)
			if g.open == 0 {
				count = grouped(g.count())
			}
			dead := "0"
			if d.contain {
				dead = "0, but on purpose"
			}
			t.Logf("%d runs, %d states, %d branches left, %d of %d looks excused by contain, %d by a thief", g.runs, len(g.nodes), g.open, g.excused.Load(), g.looks.Load(), g.stolen.Load())
			if !d.contain && g.excused.Load() > 0 {
				t.Error("a look was excused that may not be")
			}
			results.mu.Lock()
			defer results.mu.Unlock()
			results.duels = append(results.duels, fmt.Sprintf("| %s | %d | %s | %s | 0 | all |\n", d.name, len(g.nodes), count, dead))
		})
	}
}

// grouped writes a number with its digits in groups of three.
func grouped(n *big.Int) string {
	s := n.String()
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
