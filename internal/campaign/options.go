package campaign

import (
	"context"
	"time"

	"pingrotate/internal/waves"
	"pingrotate/rotation"
)

// Options say how a campaign rotates its secrets. The hooks may be nil. They are called one
// at a time, and delay the campaign.
type Options struct {
	Emergency  rotation.Emergency
	Reason, By string

	// Start names the campaign, to the millisecond. An interrupted campaign is resumed with
	// its old start: what was stored since is skipped, and half-done rotations are
	// continued.
	Start  time.Time
	Resume bool

	Concurrency int  // rotations at once
	Canary      int  // how many must end well, one after another, before the others begin
	Rate        int  // PingOne's limit, in configuration calls a minute
	KeepGoing   bool // do not stop at a failure, unless a new secret was refused

	Confirm  func(context.Context, Summary) error // asked after the canaries; an error ends the campaign
	Ended    func(rotation.Report)                // called for each secret that has ended
	Progress func(Standing)                       // called every second, and when a secret has ended
}

// StartFormat is RFC 3339 to the millisecond, so that no two campaigns share a start.
const StartFormat = waves.StartFormat

// token derives the ClientRequestToken of a secret's rotation from the campaign and the
// secret. The function does the same for a state machine, so either continues what the
// other began.
func (o Options) token(secret string) string {
	return waves.Token(o.Start, string(o.Emergency), secret)
}
