package fault

import (
	"sync"
	"time"
)

// A Clock is a stand-in's time. It stands still until it is moved, or follows another
// clock. It is safe for use by several goroutines, and its methods may be called with the
// stand-in's lock held.
type Clock struct {
	mu     sync.Mutex
	source func() time.Time
	ahead  time.Duration // of the source
}

// NewClock returns a clock that stands still at the present time, in whole seconds.
func NewClock() *Clock {
	c := new(Clock)
	c.SetTime(time.Now().Truncate(time.Second))
	return c
}

// Now returns the service's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source().Add(c.ahead).Round(0).UTC()
}

// SetTime stops the clock at t.
func (c *Clock) SetTime(t time.Time) { c.Follow(func() time.Time { return t }) }

// Advance moves the clock by d. A clock that follows another stays ahead of it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Follow makes the service's time that of another clock, such as time.Now. The clock must
// not call the stand-in.
func (c *Clock) Follow(source func() time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source, c.ahead = source, 0
}
