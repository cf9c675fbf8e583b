package rotation_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/waves"
	"pingrotate/rotation"
)

// ask carries out an action of a campaign, and returns its error.
func (w *world) ask(a rotation.Action) (*rotation.Unfinished, error) {
	w.t.Helper()
	event, err := json.Marshal(a)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := w.rotator.Handle(w.t.Context(), event)
	if err != nil {
		return nil, err
	}
	return report.(*rotation.Unfinished), nil
}

// For two weeks the register knows which campaigns run from a terminal did not end well.
func TestCampaignFromATerminalIsUnfinishedUntilItIsOver(t *testing.T) {
	w := newWorld(t)
	begin := func(over bool, emergency string) waves.Campaign {
		c := waves.Campaign{Start: w.ping.Now().UTC().Truncate(time.Millisecond), Emergency: emergency, Secrets: []string{orders}, By: "alice", Reason: "CHG-1"}
		for _, o := range []bool{false, over} {
			if _, err := w.ask(rotation.Action{Action: rotation.ActionNote, Campaign: &c, Over: o}); err != nil {
				t.Fatal(err)
			}
		}
		w.advance(time.Minute)
		return c
	}
	first := begin(false, "")
	begin(true, "")
	last := begin(false, "swift")
	got, err := w.ask(rotation.Action{Action: rotation.ActionUnfinished})
	if err != nil || len(got.Campaigns) != 2 || !got.Campaigns[0].Start.Equal(last.Start) || !got.Campaigns[1].Start.Equal(first.Start) || got.Campaigns[0].Emergency != "swift" {
		t.Fatalf("got %+v (%v), want the last and the first", got, err)
	}
	if w.mints() != 0 {
		t.Error("a note has rotated something")
	}
	w.advance(15 * 24 * time.Hour)
	if got, err := w.ask(rotation.Action{Action: rotation.ActionUnfinished}); err != nil || len(got.Campaigns) != 0 {
		t.Errorf("two weeks later: got %+v (%v), want none", got, err)
	}
	for _, a := range []rotation.Action{
		{Action: rotation.ActionNote}, {Action: rotation.ActionNote, Campaign: &waves.Campaign{}}, {Action: rotation.ActionUnfinished, Over: true},
		{Action: rotation.ActionUnfinished, Campaign: &first}, {Action: rotation.ActionNote, Campaign: &first, Reason: "x"},
	} {
		if _, err := w.ask(a); err == nil || !strings.Contains(err.Error(), "read the event") {
			t.Errorf("%+v: got %v, want an error", a, err)
		}
	}
	w.table = "another" // a table that does not exist
	w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
	if _, err := w.ask(rotation.Action{Action: rotation.ActionUnfinished}); err == nil {
		t.Error("no error without a register")
	}
	w.checkSilent(w.reports...)
}
