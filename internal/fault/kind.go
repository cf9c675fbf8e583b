package fault

import "strconv"

// Kind is one way in which a call can go wrong.
type Kind int

const (
	None               Kind = iota // served as it should be
	Refused                        // the connection closes before the call is applied
	ReplyLost                      // applied, then the connection closes without a reply
	ReplyCut                       // applied, then the connection closes inside the reply's body
	Throttled                      // not applied: the service asks to slow down
	Unavailable                    // not applied: the service answers 503
	UnavailableApplied             // applied, but a gateway in between answers 504
	Hang                           // not applied: no answer until the caller gives up
	HangApplied                    // applied, but no answer until the caller gives up
	Malformed                      // not applied: a page of HTML with status 200
	MalformedApplied               // applied, but the answer is a page of HTML with status 200
	Denied                         // not applied: the service refuses the caller

	// In these the service applies the call at another moment than its sender believes, or
	// more than once. The late ones are held until [Line.Deliver] or the hook of
	// [Line.DeliverWhen] releases them, which may be never.
	Late            // the connection closes; the call is applied later
	LateUnavailable // a gateway in between answers 504; the call is applied later
	LateHang        // no answer until the caller gives up; the call is applied later
	Twice           // a proxy repeats the call at once, and passes the second reply on
	TwiceLate       // served as it should be; a proxy repeats the call later

	// In these the peer is broken or hostile. Each says the words of [Canary], which must
	// reach no log and no error.
	Upgrade       // not applied: 101, and then silence
	Endless       // not applied: a body that does not end
	EndlessHeader // not applied: a header that does not end
	Drip          // not applied: a body that arrives at one byte a second
	GzipBomb      // not applied: a body that grows a thousandfold when it is read
	Deep          // not applied: JSON nested a hundred thousand levels deep
	BadStatus     // not applied: a line that is no status line
	Frames        // not applied: HTTP/2 frames on an HTTP/1.1 connection
	Echo          // not applied: a refusal in the service's form, in words that the peer chose
	Unsolicited   // served as it should be, and one more reply, to no request, after that

	Delivered // a call held by one of the above is applied at last
	kinds
)

var names = [kinds]string{
	"none", "refused", "reply lost", "reply cut", "throttled", "unavailable", "unavailable, applied",
	"hang", "hang, applied", "malformed", "malformed, applied", "denied",
	"late", "late, unavailable", "late, hang", "twice", "twice, late",
	"upgrade", "endless", "endless header", "drip", "gzip bomb", "deep", "bad status", "frames", "echo", "unsolicited", "delivered",
}

// String returns the kind's name in words.
func (k Kind) String() string {
	if k < 0 || k >= kinds {
		return "kind " + strconv.Itoa(int(k))
	}
	return names[k]
}

// Applies reports whether the service has carried the call out by the time its sender
// learns what happened to it.
func (k Kind) Applies() bool {
	switch k {
	case None, ReplyLost, ReplyCut, UnavailableApplied, HangApplied, MalformedApplied, Twice, TwiceLate, Unsolicited, Delivered:
		return true
	}
	return false
}

// Holds reports whether the call, or a copy of it, is held back to be applied later.
func (k Kind) Holds() bool {
	switch k {
	case Late, LateUnavailable, LateHang, TwiceLate:
		return true
	}
	return false
}

// Kinds returns the kinds that decide a call's fate at once: it is applied once or
// never, before its sender learns of it.
func Kinds() []Kind {
	all := make([]Kind, 0, Denied)
	for k := Refused; k <= Denied; k++ {
		all = append(all, k)
	}
	return all
}

// LateKinds returns the kinds in which the service applies a call later than its
// sender believes, or once more.
func LateKinds() []Kind { return []Kind{Late, LateUnavailable, LateHang, Twice, TwiceLate} }

// HostileKinds returns the kinds in which the peer does what no service should. They need a
// connection: over [pingrotate/internal/memory.Transport] it just closes. None ends before
// the caller gives up or hangs up.
func HostileKinds() []Kind {
	return []Kind{Upgrade, Endless, EndlessHeader, Drip, GzipBomb, Deep, BadStatus, Frames, Echo, Unsolicited}
}
