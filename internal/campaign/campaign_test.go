package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// TestCampaignCanary checks that no other secret is touched until the canaries have ended
// well and a person has confirmed.
func TestCampaignCanary(t *testing.T) {
	t.Run("declined", func(t *testing.T) {
		inFleet(t, 8, func(f *fleet) {
			o := options()
			o.Canary = 2
			o.Confirm = func(_ context.Context, sum Summary) error {
				if sum.Promoted != 2 || sum.Left != 6 {
					t.Errorf("asked after %+v, want two promoted", sum)
				}
				return errors.New("not today")
			}
			sum, err := Run(f.t.Context(), f.process().call, f.names, o)
			if err == nil || !strings.Contains(err.Error(), "not today") || sum.Promoted != 2 {
				t.Errorf("got %v and %+v, want to stop after two", err, sum)
			}
		})
	})
	t.Run("fails", func(t *testing.T) {
		inFleet(t, 8, func(f *fleet) {
			f.sm.Put(f.names[1], "{}")
			o := options()
			o.Canary, o.KeepGoing = 3, true
			o.Confirm = func(context.Context, Summary) error {
				t.Error("asked to continue after a canary has failed")
				return nil
			}
			sum, err := Run(f.t.Context(), f.process().call, f.names, o)
			if err == nil || !strings.Contains(err.Error(), f.names[1]) || sum.Promoted != 1 || sum.Failed != 1 {
				t.Errorf("got %v and %+v, want one promoted, one failed and no others begun", err, sum)
			}
		})
	})
	t.Run("well", func(t *testing.T) {
		inFleet(t, 8, func(f *fleet) {
			o := options()
			o.Canary = 2
			asked := 0
			o.Confirm = func(context.Context, Summary) error { asked++; return nil }
			if sum, err := Run(f.t.Context(), f.process().call, f.names, o); err != nil || sum.Promoted != 8 || asked != 1 {
				t.Errorf("got %v and %+v, asked %d times, want all promoted, asked once", err, sum, asked)
			}
		})
	})
}

// TestCampaignStopsAtAFailure checks that no rotation begins after one has failed, unless
// the options say so.
func TestCampaignStopsAtAFailure(t *testing.T) {
	for _, keepGoing := range []bool{false, true} {
		inFleet(t, 60, func(f *fleet) {
			f.sm.Put(f.names[20], "{}")
			o := options()
			o.KeepGoing = keepGoing
			sum, err := Run(f.t.Context(), f.process().call, f.names, o)
			if err == nil || sum.Failed != 1 {
				t.Errorf("keep going %t: got %v and %+v, want one failed", keepGoing, err, sum)
			}
			if keepGoing != (sum.Left == 0) || !keepGoing && (sum.Left < 60-21-o.Concurrency || !strings.Contains(err.Error(), f.names[20])) {
				t.Errorf("keep going %t: got %v and %d not begun", keepGoing, err, sum.Left)
			}
		})
	}
}

// TestCampaignStopsAtAnOpenLeak has PingOne keep one leaked secret alive.
func TestCampaignStopsAtAnOpenLeak(t *testing.T) {
	inFleet(t, 60, func(f *fleet) {
		f.ping.Before(func(c fault.Call) fault.Kind {
			if c.Operation == pingonetest.OpDeletePrevious && c.Target == f.apps[5].ID {
				return fault.Denied
			}
			return fault.None
		})
		o := options()
		o.Emergency = rotation.Swift
		sum, err := Run(f.t.Context(), f.process().call, f.names, o)
		if err == nil || !strings.Contains(err.Error(), f.names[5]+": a leaked secret may still work") || sum.Open != 1 || sum.Left < 20 {
			t.Errorf("got %v and %+v, want to stop at %s", err, sum, f.names[5])
		}
	})
}

// TestCampaignListsTheRefused checks that a secret refused because of lagging consumers is
// named, and holds up no other.
func TestCampaignListsTheRefused(t *testing.T) {
	inFleet(t, 20, func(f *fleet) {
		p := f.process()
		if _, err := Run(f.t.Context(), p.call, f.names[3:5], options()); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		var reports []rotation.Report
		o := options()
		o.Ended = func(r rotation.Report) { reports = append(reports, r) }
		sum, err := Run(f.t.Context(), p.call, f.names, o)
		if err == nil || sum.Promoted != 18 || sum.Refused != 2 || len(reports) != 20 {
			t.Errorf("got %v, %+v and %d reports, want 18 promoted and 2 refused", err, sum, len(reports))
		}
		var unwell []string
		for _, r := range sum.Unwell {
			unwell = append(unwell, Subject(r))
		}
		slices.Sort(unwell)
		if !slices.Equal(unwell, f.names[3:5]) {
			t.Errorf("got %q listed, want %q", unwell, f.names[3:5])
		}
		t.Log(err)
	})
}

// TestCampaignStopsAtAVerificationFailure has PingOne refuse one secret after its rotation,
// and checks that no other rotation begins, whatever the options say, and that AWSCURRENT
// works everywhere.
func TestCampaignStopsAtAVerificationFailure(t *testing.T) {
	inFleet(t, 200, func(f *fleet) {
		f.ping.Before(func(c fault.Call) fault.Kind {
			a := f.apps[20]
			if c.Operation == pingonetest.OpToken && c.Target == a.ClientID && f.ping.Mints(a.Environment, a.ID) > 0 {
				return fault.Denied
			}
			return fault.None
		})
		var bad []rotation.Report
		o := options()
		o.KeepGoing = true
		o.Ended = func(r rotation.Report) {
			if r.Outcome != rotation.Promoted {
				bad = append(bad, r)
			}
		}
		sum, err := Run(f.t.Context(), f.process().call, f.names, o)
		if err == nil || !strings.Contains(err.Error(), f.names[20]+": the new secret was refused") {
			t.Errorf("got %v, want an error about %s", err, f.names[20])
		}
		if len(bad) != 1 || !bad[0].Unverified || sum.Left < 50 || sum.Promoted+sum.Left+1 != 200 {
			t.Errorf("got %+v, want one failed, those under way finished, and the others not begun", sum)
		}
		f.ping.Before(nil)
		for i, secret := range f.current() {
			if !f.ping.Authenticates(f.apps[i].Environment, f.apps[i].ClientID, secret) {
				t.Errorf("%s: AWSCURRENT does not work", f.names[i])
			}
		}
	})
}

// TestCampaignReturnsToTheBusy has Secrets Manager begin a rotation just before the
// campaign, which does not wait for it, but returns to that secret later.
func TestCampaignReturnsToTheBusy(t *testing.T) {
	inFleet(t, 40, func(f *fleet) {
		if _, err := f.sm.Begin(f.names[3]); err != nil {
			t.Fatal(err)
		}
		p := f.process()
		p.timeout = time.Minute // too short to wait for the other rotation
		var order []string
		o := options()
		o.Ended = func(r rotation.Report) { order = append(order, r.Name+" "+string(r.Outcome)) }
		sum, err := Run(f.t.Context(), p.call, f.names, o)
		if err != nil || sum.Promoted != 40 || order[len(order)-1] != f.names[3]+" promoted" {
			t.Errorf("got %v and %+v, want all promoted, %s last", err, sum, f.names[3])
		}
		if id := f.sm.VersionID(f.names[3], "AWSPENDING"); id != "" {
			t.Errorf("AWSPENDING is still on version %s, want the rotation that stopped to be over", id)
		}
		f.mints(1, 1)
	})
}

// TestCampaignRepeatsLostCalls checks that a lost answer does not rotate a secret twice,
// and that a function that never answers ends the campaign.
func TestCampaignRepeatsLostCalls(t *testing.T) {
	t.Run("rotation", func(t *testing.T) { loseCalls(t, "") })
	t.Run("emergency", func(t *testing.T) { loseCalls(t, rotation.Swift) })
}

func loseCalls(t *testing.T, emergency rotation.Emergency) {
	inFleet(t, 20, func(f *fleet) {
		p := f.process()
		o := options()
		o.Emergency = emergency
		var mu sync.Mutex
		tries := map[string][]string{}
		lossy := func(losses int) Call {
			return func(ctx context.Context, a rotation.Action) (json.RawMessage, error) {
				mu.Lock()
				tries[a.SecretID] = append(tries[a.SecretID], a.ClientRequestToken)
				n := len(tries[a.SecretID])
				mu.Unlock()
				report, err := p.call(ctx, a)
				if n <= losses {
					return nil, fmt.Errorf("the line went dead: %w", ErrUnknown)
				}
				return report, err
			}
		}
		sum, err := Run(f.t.Context(), lossy(lostTries-1), f.names, o)
		if err != nil || sum.Rotated()+sum.Skipped != 20 {
			t.Errorf("got %v and %+v, want all promoted", err, sum)
		}
		for name, tokens := range tries {
			if len(tokens) != lostTries || len(slices.Compact(tokens)) != 1 {
				t.Errorf("%s: got tries with %q, want %d with one token", name, tokens, lostTries)
			}
		}
		f.mints(1, 1)

		<-time.After(25 * time.Hour)
		for _, c := range []struct {
			name  string
			err   error
			tries int
			words string
		}{
			{"every answer is lost", ErrUnknown, lostTries, "no answer of the function arrived"},
			{"too many invocations", ErrAtLimit, lostTries, "no answer of the function arrived"},
			{"no connection from the beginning", ErrUnreachable, 1, "the function could not be called"},
			{"forbidden", errors.New("AccessDeniedException"), 1, "the function could not be called"},
		} {
			n := 0
			o.Start, o.KeepGoing = time.Now(), c.tries == 1
			sum, err := Run(f.t.Context(), func(_ context.Context, a rotation.Action) (json.RawMessage, error) {
				if a.SecretID == f.names[0] {
					n++
				}
				return nil, fmt.Errorf("invoke the function: %w", c.err)
			}, f.names, o)
			if err == nil || !strings.Contains(err.Error(), c.words) || sum.Failed != 1 || n != c.tries {
				t.Errorf("%s: got %v and %+v after %d calls, want to stop after %d", c.name, err, sum, n, c.tries)
			}
		}
	})
}

func options() Options {
	return Options{Start: time.Now().UTC().Truncate(time.Millisecond), Concurrency: 10, Rate: LicenceLimit}
}

// TestCampaignOutlastsANetworkThatFailsForAMoment loses the network once the function
// has answered.
func TestCampaignOutlastsANetworkThatFailsForAMoment(t *testing.T) {
	inFleet(t, 20, func(f *fleet) {
		p := f.process()
		calls := 0
		var mu sync.Mutex
		sum, err := Run(f.t.Context(), func(ctx context.Context, a rotation.Action) (json.RawMessage, error) {
			mu.Lock()
			calls++
			down := calls > 5 && calls <= 10
			mu.Unlock()
			if down {
				return nil, fmt.Errorf("invoke the function: %w", ErrUnreachable)
			}
			return p.call(ctx, a)
		}, f.names, options())
		if err != nil || sum.Promoted != 20 {
			t.Errorf("got %v and %+v, want all promoted", err, sum)
		}
		f.mints(1, 1)
	})
}
