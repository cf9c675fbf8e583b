package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

// TestFleetResumes interrupts a campaign with Ctrl-C, kills the next one together with the
// function right after PingOne made a secret, and the one after that without the function,
// which continues. Each is resumed under the first one's start.
func TestFleetResumes(t *testing.T) {
	t.Run("rotation", func(t *testing.T) { interruptAndResume(t, *fleetSize, "") })
	t.Run("emergency", func(t *testing.T) { interruptAndResume(t, 80, rotation.Swift) })
}

func interruptAndResume(t *testing.T, size int, emergency rotation.Emergency) {
	inFleet(t, size, func(f *fleet) {
		f.ping.RateLimit(LicenceLimit)
		part := size / 4
		o := options()
		o.Emergency = emergency
		leaked := f.current()

		ctx, interrupt := context.WithCancel(f.t.Context())
		n := 0
		o.Ended = func(rotation.Report) {
			if n++; n == part {
				interrupt()
			}
		}
		sum, err := Run(ctx, f.process().call, f.names, o)
		if unfinished, ok := errors.AsType[*Unfinished](err); !ok || !unfinished.Start.Equal(o.Start) || sum.Stopped != "interrupted" {
			t.Errorf("interrupted: got %v and %q, want an error that names the start %v", err, sum.Stopped, o.Start)
		}
		if got := sum.Rotated(); got < part || got > part+o.Concurrency || got+sum.Left != size {
			t.Errorf("interrupted: got %+v, want those under way to be finished and no others begun", sum)
		}

		o.Resume, o.Ended = true, nil
		local := f.process()
		var mints int
		var mu sync.Mutex
		f.ping.After(func(c fault.Call, _ fault.Kind) {
			mu.Lock()
			defer mu.Unlock()
			if c.Operation == pingonetest.OpRegenerateSecret {
				if mints++; mints == part {
					local.kill()
				}
			}
		})
		Run(f.t.Context(), local.call, f.names, o)
		f.ping.After(nil)

		deployed := f.process()
		ctx, kill := context.WithCancel(f.t.Context())
		n = 0
		o.Ended = func(r rotation.Report) {
			if r.Outcome != rotation.Skipped {
				if n++; n == part {
					kill()
				}
			}
		}
		Run(f.t.Context(), deployed.abandonedBy(ctx), f.names, o)

		o.Ended = nil
		sum, err = Run(f.t.Context(), f.process().call, f.names, o)
		if err != nil || sum.Rotated()+sum.Skipped != size {
			t.Errorf("resumed: got %v and %+v, want the others promoted", err, sum)
		}
		if emergency == "" && sum.Skipped < 3*part-2 { // an emergency asks PingOne once more whether it is over
			t.Errorf("resumed: got %d skipped, want those that were rotated before", sum.Skipped)
		}
		most := 1
		if emergency != "" {
			most = 2 // a mint whose answer was lost does not count as minted after the leak
		}
		f.mints(1, most)
		for i, app := range f.apps {
			if alive := f.ping.Authenticates(app.Environment, app.ClientID, leaked[i]); alive != (emergency == "") {
				t.Errorf("%s: PingOne accepts the first secret: %t", f.names[i], alive)
			}
		}
	})
}

// abandonedBy is the function's front door for a command that is killed when the context
// ends. The function does not notice, and finishes the action.
func (p *process) abandonedBy(command context.Context) Call {
	return func(ctx context.Context, a rotation.Action) (json.RawMessage, error) {
		if err := command.Err(); err != nil {
			return nil, err
		}
		type answer struct {
			report json.RawMessage
			err    error
		}
		answered := make(chan answer, 1)
		go func() {
			report, err := p.call(ctx, a)
			answered <- answer{report, err}
		}()
		select {
		case got := <-answered:
			return got.report, got.err
		case <-command.Done():
			return nil, command.Err()
		}
	}
}

// TestResumedEmergencyEndsWhatTheScheduleReplaced rotates a secret in the ordinary way
// while an emergency is interrupted. A new AWSCURRENT does not end the leaked secret, which
// lives until its grace is over.
func TestResumedEmergencyEndsWhatTheScheduleReplaced(t *testing.T) {
	inFleet(t, 2, func(f *fleet) {
		p, o := f.process(), options()
		leaked := f.current()
		<-time.After(time.Minute)
		if _, err := Run(f.t.Context(), p.call, f.names[:1], options()); err != nil {
			t.Fatal(err)
		}
		o.Emergency, o.Resume = rotation.Swift, true
		sum, err := Run(f.t.Context(), p.call, f.names, o)
		if err != nil || sum.Ended != 2 {
			t.Errorf("got %v and %+v, want both leaks ended", err, sum)
		}
		for i, app := range f.apps {
			if f.ping.Authenticates(app.Environment, app.ClientID, leaked[i]) {
				t.Errorf("%s: PingOne accepts the leaked secret", f.names[i])
			}
		}
	})
}
