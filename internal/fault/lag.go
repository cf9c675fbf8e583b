package fault

import (
	"fmt"
	"time"
)

// Lag says how far behind a read is. The zero value is not behind. If both fields are set,
// the older state counts.
type Lag struct {
	Changes int           // the read misses this many of the last changes to what it concerns
	Age     time.Duration // the read shows the state this long ago, by the service's clock
}

// String returns the lag in words.
func (l Lag) String() string {
	switch {
	case l == Lag{}:
		return "not behind"
	case l.Age == 0:
		return fmt.Sprintf("%d changes behind", l.Changes)
	case l.Changes == 0:
		return fmt.Sprintf("%v behind", l.Age)
	}
	return fmt.Sprintf("%d changes and %v behind", l.Changes, l.Age)
}

// Lagging returns a hook for [Line.Lag] by which each operation is as far behind as the map
// says; operations not in it are not behind.
func Lagging(operations map[string]Lag) func(Call) Lag {
	return func(c Call) Lag { return operations[c.Operation] }
}

// maxPast is how many former states are remembered. A read that lags further sees
// the oldest of them.
const maxPast = 16

// Past remembers the former states of one thing, for reads that lag. Only the stand-ins
// need it. It has no lock: its owner's lock guards it.
type Past[T any] struct{ states []former[T] }

type former[T any] struct {
	state  T
	until  time.Time // when it was replaced
	hidden int       // how many reads miss the change that replaced it
}

// Push remembers a state that is replaced at the time given. The next hidden reads
// will miss the change, whatever their own lag.
func (p *Past[T]) Push(state T, until time.Time, hidden int) {
	if len(p.states) == maxPast {
		p.states = append(p.states[:0], p.states[1:]...)
	}
	p.states = append(p.states, former[T]{state, until, hidden})
}

// At returns the former state that a read with the lag sees now, if it does not see
// the present one.
func (p *Past[T]) At(now time.Time, lag Lag) (state T, behind bool) {
	i := p.position(now, lag)
	if i == len(p.states) {
		return state, false
	}
	return p.states[i].state, true
}

func (p *Past[T]) position(now time.Time, lag Lag) int {
	for i, f := range p.states {
		if f.until.After(now.Add(-lag.Age)) || i >= len(p.states)-lag.Changes {
			return i
		}
	}
	return len(p.states)
}

// Seen is At for a read that counts among the hidden reads of [Past.Push].
func (p *Past[T]) Seen(now time.Time, lag Lag) (state T, behind bool) {
	seen := p.position(now, lag)
	for i := len(p.states) - 1; i >= 0; i-- {
		if p.states[i].hidden > 0 {
			p.states[i].hidden--
			seen = min(seen, i)
		}
	}
	if seen == len(p.states) {
		return state, false
	}
	return p.states[seen].state, true
}

// Since returns the former states that were replaced after the time given, oldest
// first, each with the time at which it was replaced.
func (p *Past[T]) Since(after time.Time, visit func(state T, until time.Time)) {
	for _, f := range p.states {
		if f.until.After(after) {
			visit(f.state, f.until)
		}
	}
}
