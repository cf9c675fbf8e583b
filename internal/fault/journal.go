package fault

import (
	"fmt"
	"sync"
)

// TB is what a stand-in needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A Journal is a test's log, for a stand-in to write to. The zero value belongs to no test
// and is silent. It is safe for use by several goroutines.
type Journal struct {
	mu sync.Mutex // a test must not be written to after its end, when a late handler may still run
	tb TB
}

// Open makes the journal the test's.
func (j *Journal) Open(t TB) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tb = t
}

// End makes the journal silent. After it has returned, nothing is written to the test.
func (j *Journal) End() { j.Open(nil) }

// Notef writes a line to the test's log.
func (j *Journal) Notef(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.tb != nil {
		j.tb.Logf(format, args...)
	}
}

// Complainf fails the test for something that no client of the real service does.
func (j *Journal) Complainf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.tb != nil {
		j.tb.Errorf(format, args...)
	}
}

// Misusef ends a test that asks a stand-in for something senseless, and panics if there is
// no test. It does not return.
func (j *Journal) Misusef(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.tb != nil {
		j.tb.Helper()
		j.tb.Fatalf(format, args...)
	}
	panic(fmt.Sprintf(format, args...))
}
