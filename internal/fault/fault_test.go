package fault_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
)

// A counter is a service whose one operation adds to its state.
type counter struct {
	fault.Line
	n int
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	c.Serve(w, r, fault.Call{Operation: "add", Target: r.URL.Path}, fault.Words{}, func(fault.Call) fault.Reply {
		c.n++
		return fault.Reply{Status: http.StatusOK, Body: fmt.Append(nil, c.n)}
	})
}

// add calls the service and returns its reply, or "" if there is none.
func (c *counter) add(t *testing.T, ctx context.Context) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://counter/one", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&memory.Transport{Handler: c}).RoundTrip(r)
	if err != nil {
		return 0, ""
	}
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestLateKindsApplyALaterTimeOrOnceMore(t *testing.T) {
	for _, row := range []struct {
		kind          fault.Kind
		status        int
		body          string
		now, at, last int // the state when the sender learns of its fate, after delivery, and after another delivery
	}{
		{fault.None, 200, "1", 1, 1, 1},
		{fault.Late, 0, "", 0, 1, 1},
		{fault.LateUnavailable, 504, "<html><body>504 Gateway Time-out</body></html>", 0, 1, 1},
		{fault.LateHang, 0, "", 0, 1, 1},
		{fault.Twice, 200, "2", 2, 2, 2},
		{fault.TwiceLate, 200, "1", 1, 2, 2},
	} {
		t.Run(row.kind.String(), func(t *testing.T) {
			c := &counter{}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.Fail("add", row.kind)
			var seen []string
			c.After(func(call fault.Call, k fault.Kind) {
				seen = append(seen, fmt.Sprint(k, c.n, call.Repeat))
				if k == fault.LateHang {
					cancel()
				}
			})
			status, body := c.add(t, ctx)
			if status != row.status || body != row.body {
				t.Errorf("got %d %q, want %d %q", status, body, row.status, row.body)
			}
			if c.n != row.now || row.kind.Applies() != (row.now > 0) {
				t.Errorf("got state %d and Applies %t, want state %d", c.n, row.kind.Applies(), row.now)
			}
			if held := len(c.Held()); (held == 1) != row.kind.Holds() {
				t.Errorf("got %d held, Holds says %t", held, row.kind.Holds())
			}
			c.Deliver()
			if c.n != row.at {
				t.Errorf("got state %d after the delivery, want %d", c.n, row.at)
			}
			c.Deliver()
			if c.n != row.last {
				t.Errorf("got state %d after another delivery, want %d", c.n, row.last)
			}
			if row.kind.Holds() && seen[len(seen)-1] != fmt.Sprint(fault.Delivered, row.at, true) {
				t.Errorf("got %q seen by the hook, want the delivery last", seen)
			}
		})
	}
}

func TestDeliverWhenReleasesBeforeTheCallThatArrives(t *testing.T) {
	c := &counter{}
	c.Fail("add", fault.Late, fault.None, fault.None)
	c.DeliverWhen(func(held, arriving fault.Call) bool { return arriving.N == held.N+2 })
	c.add(t, t.Context())
	if _, body := c.add(t, t.Context()); body != "1" {
		t.Errorf("got %q for the next call, want 1: nothing was delivered", body)
	}
	if _, body := c.add(t, t.Context()); body != "3" {
		t.Errorf("got %q for the call after that, want 3: the late one came first", body)
	}
}

// TestALatencyTakesItsTimeInABubbleToo: there time passes only when all goroutines wait.
func TestALatencyTakesItsTimeInABubbleToo(t *testing.T) {
	for _, latency := range []time.Duration{time.Millisecond, 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := &counter{}
			c.Latency(latency)
			begun := time.Now()
			if status, body := c.add(t, t.Context()); status != http.StatusOK || body != "1" {
				t.Errorf("got %d %q", status, body)
			}
			if took := time.Since(begun); took != latency {
				t.Errorf("a call took %v, want %v", took, latency)
			}
		})
	}
}

func TestEachKindHasANameAndAPlace(t *testing.T) {
	all := slices.Concat(fault.Kinds(), fault.LateKinds(), fault.HostileKinds(), []fault.Kind{fault.None, fault.Delivered})
	names := map[string]bool{}
	for _, k := range all {
		names[k.String()] = true
	}
	if len(names) != len(all) || slices.Contains(fault.Kinds(), fault.Late) {
		t.Errorf("got %d names for %d kinds", len(names), len(all))
	}
}

func TestPastShowsTheStateThatAReadIsBehindTo(t *testing.T) {
	start := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var p fault.Past[string]
	// "a" until 0 s, "b" until 10 s, "c" until 10 s, and then "d".
	for _, s := range []struct {
		state string
		at    time.Duration
	}{{"a", 0}, {"b", 10 * time.Second}, {"c", 10 * time.Second}} {
		p.Push(s.state, start.Add(s.at), 0)
	}
	for _, row := range []struct {
		now  time.Duration
		lag  fault.Lag
		want string
	}{
		{10 * time.Second, fault.Lag{}, "d"},
		{10 * time.Second, fault.Lag{Changes: 1}, "c"},
		{10 * time.Second, fault.Lag{Changes: 2}, "b"},
		{10 * time.Second, fault.Lag{Changes: 99}, "a"},
		{10 * time.Second, fault.Lag{Age: time.Nanosecond}, "b"},
		{14 * time.Second, fault.Lag{Age: 4 * time.Second}, "d"},
		{14 * time.Second, fault.Lag{Age: 5 * time.Second}, "b"},
		{14 * time.Second, fault.Lag{Age: 15 * time.Second}, "a"},
		{14 * time.Second, fault.Lag{Age: 5 * time.Second, Changes: 3}, "a"},
		{14 * time.Second, fault.Lag{Age: 5 * time.Second, Changes: 1}, "b"},
	} {
		got, behind := p.At(start.Add(row.now), row.lag)
		if !behind {
			got = "d"
		}
		if got != row.want {
			t.Errorf("%v after the start, %v: got %q, want %q", row.now, row.lag, got, row.want)
		}
	}
}

func TestPastRemembersABoundedNumberOfStates(t *testing.T) {
	var p fault.Past[int]
	for i := range 1000 {
		p.Push(i, time.Unix(int64(i), 0), 0)
	}
	got, _ := p.At(time.Unix(2000, 0), fault.Lag{Changes: 1 << 20})
	if got < 900 || got == 999 {
		t.Errorf("got state %d as the oldest, want one of the last hundred and not the last", got)
	}
}

func TestPastHidesAChangeFromTheNextReads(t *testing.T) {
	var p fault.Past[string]
	now := time.Unix(0, 0)
	read := func() string {
		if s, behind := p.Seen(now, fault.Lag{}); behind {
			return s
		}
		return "now"
	}
	p.Push("a", now, 2)
	got := []string{read()}
	p.Push("b", now, 2)
	got = append(got, read(), read(), read())
	if want := []string{"a", "a", "b", "now"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
