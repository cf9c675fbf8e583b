package rotation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/pingone"
)

// A record collects what a run's log line, metrics and report will say. Its methods with a
// lock may be called concurrently.
type record struct {
	mu sync.Mutex

	begun    time.Time
	decision string
	verified string
	warnings []string
	changes  []string // made to the application
	done     []string // what an audit completed

	current, pending pingone.Secret
	previousUntil    time.Time

	waits []waiting

	minted, promoted *Mark
	dead             []Mark        // secrets that must die and that PingOne refuses
	gone             []string      // secrets that must die and that PingOne no longer shows
	served           []Served      // other managed secrets of the client
	tokenLife        time.Duration // of the last token that was issued
	foreignVersions  []string      // versions that held other clients' secrets when the emergency began
	timeline         []Moment      // of an emergency or an endPrevious
	tokens           []tokenOf     // what the leaked secret could obtain

	refused bool // PingOne refused the secret to be promoted
	lagging bool // consumers lag, so nothing was done
	drifted bool // AWSCURRENT was dead
}

// warn adds a warning, unless it is there already.
func (rec *record) warn(format string, args ...any) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(rec.warnings, text) {
		rec.warnings = append(rec.warnings, text)
	}
}

// change adds a change made to the application.
func (rec *record) change(what string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.changes = append(rec.changes, what)
}

// complete adds something that another run left undone and this one completed.
func (rec *record) complete(format string, args ...any) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.done = append(rec.done, fmt.Sprintf(format, args...))
}

// decide sets the decision, unless an earlier look of the run has set it.
func (rec *record) decide(decision string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.decision == "" {
		rec.decision = decision
	}
}

// readBack adds to the decision that the reply was lost and the outcome was found by looking.
func (rec *record) readBack() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.decision += ", outcome read back"
}

// serve records that another managed secret was served, in place of an earlier record of it.
func (rec *record) serve(s Served) {
	for i, was := range rec.served {
		if was.SecretID == s.SecretID {
			if s.Promoted == nil {
				s.Promoted = was.Promoted
			}
			rec.served[i] = s
			return
		}
	}
	rec.served = append(rec.served, s)
}

// noteVerified records how the new secret was verified, and how long its tokens live.
func (rec *record) noteVerified(verified string, tokenLife time.Duration) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if verified != "" {
		rec.verified = verified
	}
	rec.tokenLife = max(rec.tokenLife, tokenLife)
}

func (rec *record) warning() string { return strings.Join(rec.warnings, "; ") }
