package rotation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/pingone"
)

// A record keeps what the log line, the metrics and the report of a run will say.
// Calls that run in parallel may write to it.
type record struct {
	mu sync.Mutex

	begun    time.Time
	decision string
	verified string
	warnings []string
	changes  []string // to the application
	done     []string // what was completed, for an audit

	current, pending pingone.Secret
	previousUntil    time.Time

	minted, promoted *Mark
	dead             []Mark        // that must die, and that PingOne refuses
	gone             []string      // that must die, and of which PingOne shows no trace
	served           []Served      // other managed secrets of the client
	tokenLife        time.Duration // of the last token that was issued
	foreignVersions  []string      // versions of other clients, when the emergency began
	timeline         []Moment      // of an emergency
	tokens           []tokenOf     // that the leaked secret could obtain

	refused bool // PingOne refused the secret that was to be promoted
	lagging bool // consumers; nothing was done
	drifted bool // AWSCURRENT was dead
}

// warn adds a warning, once.
func (rec *record) warn(format string, args ...any) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(rec.warnings, text) {
		rec.warnings = append(rec.warnings, text)
	}
}

// change adds a change to the application.
func (rec *record) change(what string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.changes = append(rec.changes, what)
}

// complete adds something that another run had left undone.
func (rec *record) complete(format string, args ...any) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.done = append(rec.done, fmt.Sprintf(format, args...))
}

// decide sets the decision, unless an earlier look of the run has determined it.
func (rec *record) decide(decision string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.decision == "" {
		rec.decision = decision
	}
}

// readBack adds to the decision that the reply was lost, and the outcome found by
// looking.
func (rec *record) readBack() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.decision += ", outcome read back"
}

// serve notes that another managed secret was served. What counts is the last time.
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

// noteVerified notes how the new secret was verified, and how long its tokens live.
func (rec *record) noteVerified(verified string, tokenLife time.Duration) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if verified != "" {
		rec.verified = verified
	}
	rec.tokenLife = max(rec.tokenLife, tokenLife)
}

func (rec *record) warning() string { return strings.Join(rec.warnings, "; ") }
