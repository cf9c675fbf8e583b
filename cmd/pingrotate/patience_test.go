package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"
	"pingrotate/rotation"
)

func TestRotationWhoseAnswerIsLostIsAskedForAgainAndMintsOnce(t *testing.T) {
	invocations := 0
	d := deploy(t, func(answer func() ([]byte, error)) ([]byte, error) {
		invocations++
		got, err := answer()
		if invocations == 1 {
			return nil, runtimetest.ErrTimedOut
		}
		return got, err
	})
	_, report, err := d.rotateOne(t.Context(), d.call, rotateOrders(), "rotating", time.Minute)
	if err != nil || bad(report.Outcome) {
		t.Fatalf("got %+v, error %v, want it rotated", report, err)
	}
	if mints := d.PingOne.Mints(d.Orders.Environment, d.Orders.ID); mints != 1 || invocations != 2 {
		t.Errorf("got %d secrets minted in %d invocations, want 1 in 2", mints, invocations)
	}
	if _, works := d.Held("AWSCURRENT"); !works {
		t.Error("PingOne refuses AWSCURRENT")
	}
}

func TestCtrlCSaysThatTheFunctionMayContinue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := deploy(t, func(answer func() ([]byte, error)) ([]byte, error) {
		cancel()
		return answer()
	})
	if _, _, err := d.rotateOne(ctx, d.call, rotateOrders(), "rotating", time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context canceled", err)
	}
	if !strings.Contains(d.said.String(), playground.OrdersSecret+": what has begun may continue") {
		t.Errorf("got %q, want it to say that the rotation may continue", d.said.String())
	}
}

func TestLeakThatCouldNotBeEndedIsOpenUntilTheCommandIsRunAgain(t *testing.T) {
	d := deploy(t, answered)
	leaked := d.Accepted()[0]
	d.PingOne.Before(func(c fault.Call) fault.Kind {
		if strings.HasPrefix(c.Operation, "DELETE") {
			return fault.Denied
		}
		return fault.None
	})
	emergency := rotateOrders()
	emergency.Emergency = rotation.Swift
	_, report, err := d.rotateOne(t.Context(), d.call, emergency, "rotating", 0)
	var told bytes.Buffer
	if err != nil || report.Outcome != rotation.Open || !bad(report.Outcome) || tellReport(&page{w: &told}, playground.OrdersSecret, report) != nil {
		t.Fatalf("got %+v, error %v, want it open", report, err)
	}
	if want := playground.OrdersSecret + ": THE LEAKED SECRET MAY STILL WORK"; !strings.HasPrefix(told.String(), want) {
		t.Errorf("got %q, want %q first", told.String(), want)
	}
	if !slices.Contains(d.Accepted(), leaked) {
		t.Error("PingOne refuses the leaked secret, want the test to keep it alive")
	}

	d.PingOne.Before(nil)
	emergency.ClientRequestToken = rotation.NewToken()
	_, report, err = d.rotateOne(t.Context(), d.call, emergency, "rotating", 0)
	if err != nil || report.Outcome != rotation.Ended || bad(report.Outcome) {
		t.Fatalf("again: got %+v, error %v, want it ended", report, err)
	}
	if slices.Contains(d.Accepted(), leaked) {
		t.Error("PingOne accepts the leaked secret")
	}
	// The second command adds its own mark: what was accepted then must die too.
	if mints := d.PingOne.Mints(d.Orders.Environment, d.Orders.ID); mints != 2 {
		t.Errorf("%d secrets were minted, want 2", mints)
	}
}
