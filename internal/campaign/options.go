package campaign

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

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
	Canary      int  // so many must end well, one after the other, before the others begin
	Rate        int  // PingOne's limit, in configuration calls a minute
	KeepGoing   bool // do not stop at a failure, unless a new secret was refused

	Confirm  func(context.Context, Summary) error // asked after the canaries; an error ends the campaign
	Ended    func(rotation.Report)                // told of each secret that has ended
	Progress func(Standing)                       // told every second, and when a secret has ended
}

// StartFormat is RFC 3339 to the millisecond, so that no two campaigns share a start.
const StartFormat = "2006-01-02T15:04:05.000Z07:00"

// token derives the ClientRequestToken of a secret's rotation from the campaign and
// the secret. A resumed campaign therefore needs no memory: it continues the very
// version that the killed one began, and recognises one that was promoted whatever the
// clocks say.
func (o Options) token(secret string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "pingrotate campaign\n%s\n%s\n%s", o.Start.UTC().Format(StartFormat), o.Emergency, secret))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // a UUID of version 8, RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
