package campaign

import (
	"context"
	"time"

	"pingrotate/internal/waves"
	"pingrotate/rotation"
)

// Options say how a campaign rotates its secrets. The hooks may be nil, are called
// one at a time, and hold the campaign up.
type Options struct {
	Emergency  rotation.Emergency
	Reason, By string

	// Start names the campaign, to the millisecond. An interrupted campaign is resumed
	// under its old start: what was stored since is skipped, and the rotations that it
	// left half done are continued.
	Start  time.Time
	Resume bool

	Concurrency int  // rotations at once
	Canary      int  // how many must end well, one after the other, before the others begin
	Rate        int  // PingOne's limit, in configuration calls a minute
	KeepGoing   bool // do not stop at a failure, unless a new secret was refused

	Confirm  func(context.Context, Summary) error // asked after the canaries; an error ends the campaign
	Ended    func(rotation.Report)                // told of each secret that has ended
	Progress func(Standing)                       // told every second, and when a secret has ended
}

// StartFormat is RFC 3339 to the millisecond, so that no two campaigns share a start.
const StartFormat = waves.StartFormat

// token derives the ClientRequestToken of a secret's rotation from the campaign and the
// secret, as the function does for a state machine: either continues what the other began.
func (o Options) token(secret string) string {
	return waves.Token(o.Start, string(o.Emergency), secret)
}
