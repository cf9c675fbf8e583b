package pingonetest

import (
	"time"

	"pingrotate/internal/fault"
)

// timeline has the former states of things of one kind, by id, for calls that lag. Nil is
// the state of a thing that did not exist.
type timeline[T any] map[string]*fault.Past[*T]

// changing remembers what a thing was before it changes.
func (t timeline[T]) changing(id string, was *T, now time.Time) {
	if t[id] == nil {
		t[id] = &fault.Past[*T]{}
	}
	t[id].Push(was, now, 0)
}

// view returns the thing as a call with the lag sees it, given what it is now.
func (t timeline[T]) view(id string, is *T, now time.Time, lag fault.Lag) *T {
	if past := t[id]; past != nil {
		if was, behind := past.At(now, lag); behind {
			return was
		}
	}
	return is
}
