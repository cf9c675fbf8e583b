package rotation_test

import (
	"net/http"
	"testing"
	"time"

	"pingrotate/internal/memory"
)

// A whole rotation by one process whose calls take 20 ms each: as many of them follow
// one another as its time says.
func TestARotationMakesAtMost18CallsInARow(t *testing.T) {
	inBubble(t, func(w *world) {
		w.rotate() // the first enters the secret in the register
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
