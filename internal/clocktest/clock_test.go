package clocktest_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/clocktest"
)

func open(t *testing.T, file string) *clocktest.Clock {
	t.Helper()
	c, err := clocktest.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAWaitMovesTheClockOfAllWhoShareItAndTakesNoTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clock")
	mine, others := open(t, file), open(t, file)
	begun := time.Now()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := mine.Wait(t.Context(), time.Minute); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := others.Wait(t.Context(), time.Millisecond); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	if took > time.Minute {
		t.Errorf("waiting for 10 minutes took %v", took)
	}
	for who, c := range map[string]*clocktest.Clock{"the one that waited": mine, "the other": others} {
		const waited = 10*time.Minute + 10*10*time.Millisecond
		before, now, after := time.Now(), c.Now(), time.Now()
		if now.Before(before.Add(waited).Round(0)) || now.After(after.Add(waited).Round(0)) {
			t.Errorf("%s is %v ahead of the machine, want %v", who, now.Sub(before), waited)
		}
	}
}

func TestAWaitThatIsCancelledMovesNothing(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "clock"))
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := c.Wait(ctx, time.Hour); err != why {
		t.Errorf("got %v, want the cause of the context's end", err)
	}
	if ahead := time.Until(c.Now()); ahead > time.Minute {
		t.Errorf("the clock is %v ahead", ahead)
	}
}
