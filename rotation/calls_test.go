package rotation_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pingrotate/internal/memory"
	"pingrotate/rotation"
)

// A whole rotation by one process whose calls take 20 ms each. Its duration tells how many
// of them it made one after another.
func TestARotationMakesAtMost18CallsInARow(t *testing.T) {
	inBubble(t, func(w *world) {
		w.rotate() // the first rotation adds the secret to the register
		w.advance(49 * time.Hour)
		before := []int{len(w.ping.Calls()), len(w.sm.Calls()), len(w.db.Calls())}
		const each = 20 * time.Millisecond
		slow := func(*http.Request, []byte) error { <-time.After(each); return nil }
		w.connect(&memory.Transport{Handler: w.ping, Pass: slow}, &memory.Transport{Handler: w.sm, Pass: slow}, &memory.Transport{Handler: w.db, Pass: slow})
		begun := time.Now()
		w.rotate()
		row := int(time.Since(begun) / each)
		t.Logf("%d calls in a row; %d to PingOne, %d to Secrets Manager, %d to the register", row, len(w.ping.Calls())-before[0], len(w.sm.Calls())-before[1], len(w.db.Calls())-before[2])
		if row > 18 {
			t.Errorf("%d calls in a row, want at most 18", row)
		}
	})
}

// The report of an emergency also counts the search for what a leaked admin could read.
func TestReportOfAnAdminsEmergencyCountsEveryRequest(t *testing.T) {
	w := onSockets(t)
	w.lead()
	before := []int{len(w.sm.Calls()), len(w.ping.Calls())}
	rep := w.do(rotation.Action{Action: "rotate", SecretID: adminName, Emergency: rotation.Swift}).(*rotation.Report)
	if rep.Outcome != rotation.Ended || len(rep.Targets.All) == 0 {
		t.Fatalf("got %s (%s), targets %+v", rep.Outcome, rep.Error, rep.Targets)
	}
	toSecretsManager, toPingOne := int64(len(w.sm.Calls())-before[0]), int64(len(w.ping.Calls())-before[1])
	if rep.Calls.SecretsManager != toSecretsManager || rep.Calls.PingOne != toPingOne {
		t.Errorf("reported %+v, want %d to Secrets Manager and %d to PingOne", rep.Calls, toSecretsManager, toPingOne)
	}
}

// An action has ended when it reports: none of its requests is still under way.
func TestNoRequestOutlivesAnEmergency(t *testing.T) {
	inBubble(t, func(w *world) {
		var underWay atomic.Int64
		w.connect(&memory.Transport{Handler: w.ping, Pass: func(r *http.Request, _ []byte) error {
			switch {
			case strings.HasSuffix(r.URL.Path, "/grants"):
				underWay.Add(1) // PingOne does not answer
				<-r.Context().Done()
				underWay.Add(-1)
				return r.Context().Err()
			case strings.HasSuffix(r.URL.Path, "/token") && underWay.Load() > 0:
				return errors.New("connection refused") // so that the emergency gives up
			}
			return nil
		}}, w.toSecretsManager, w.toRegister)
		if rep := w.emergency(rotation.Swift); rep.Outcome != rotation.Open {
			t.Errorf("got %s (%s), want open", rep.Outcome, rep.Error)
		}
		if n := underWay.Load(); n > 0 {
			t.Errorf("%d requests are still under way", n)
		}
	})
}
