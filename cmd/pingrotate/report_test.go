package main

import (
	"strings"
	"testing"
	"time"

	"pingrotate/rotation"
)

func TestReportOfALeakThatIsOpenSaysSoFirst(t *testing.T) {
	var b strings.Builder
	begun := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	err := tellReport(&page{w: &b}, "given", rotation.Report{
		Name: "pingone/orders", Outcome: rotation.Open, Begun: begun, Ended: begun.Add(1500 * time.Millisecond),
		Promoted:  &rotation.Mark{Fingerprint: "bbbbbbbb", At: begun.Add(time.Second)},
		Error:     "revoke the leaked secret: PingOne answered 503",
		StillOpen: []string{"the leaked secret may still obtain tokens; run the same command again, and what it has done so far stays done"},
	})
	want := `pingone/orders: THE LEAKED SECRET MAY STILL WORK, 1.5s
  promoted   bbbbbbbb  2026-11-24T01:00:01Z
  because    revoke the leaked secret: PingOne answered 503
  open       the leaked secret may still obtain tokens; run the same command again, and what it has
             done so far stays done
`
	if err != nil || b.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, b.String(), want)
	}
}
