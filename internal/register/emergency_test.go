package register_test

import (
	"fmt"
	"testing"
	"time"

	"pingrotate/internal/register"
)

func victim(f string) register.Victim {
	return register.Victim{Application: "original", Fingerprint: f}
}

func TestMarkOpensAnEmergency(t *testing.T) {
	i := register.Item{}.Marked(leak("t1"), 4)
	e := i.Emergency
	if e == nil || e.ID != "t1" || !e.Has("t1") || e.Has("t2") || e.Has("") || e.Mark != 4 || e.How != "swift" || !e.Marked.Equal(e.Since) || len(e.Must) != 1 {
		t.Errorf("got %+v, want the emergency with its mark", e)
	}
}

func TestASecondCommandAddsItsMark(t *testing.T) {
	second := leak("t2")
	second.How, second.Since, second.Secret = "contain", noon, payments
	second.Must = []register.Victim{victim("f2"), victim(""), {Application: key.ID, Fingerprint: "sha256:0a1b"}}
	i := register.Item{}.Marked(leak("t1"), 4).Marked(second, 9)
	e := i.Emergency
	if e.ID != "t1" || !e.Has("t1") || !e.Has("t2") || e.Secret != orders {
		t.Errorf("got %+v, want one emergency with both commands", e)
	}
	if e.Mark != 9 || !e.Marked.Equal(noon) || !e.Since.Before(noon) || e.How != "contain" {
		t.Errorf("got %+v, want the later mark, the first start, and contain", e)
	}
	if got := fmt.Sprint(e.Must); got != fmt.Sprint([]register.Victim{{Application: key.ID, Fingerprint: "sha256:0a1b"}, victim("f2")}) {
		t.Errorf("got %s, want each that must die once", got)
	}
	if third := i.Marked(leak("t3"), 11).Emergency; third.How != "contain" {
		t.Errorf("got %s, want contain to stay", third.How)
	}
}

func TestARepeatedCommandChangesNothing(t *testing.T) {
	i := register.Item{}.Marked(leak("t1"), 4)
	if got := i.Marked(leak("t1"), 9); got.Emergency.Mark != 4 || len(got.Emergency.Commands) != 1 {
		t.Errorf("got %+v, want the mark of the first time", got.Emergency)
	}
	ended := i.Over(noon)
	if got := ended.Marked(leak("t1"), 12); got.Emergency != nil {
		t.Errorf("got %+v, want an emergency that has ended to stay so", got.Emergency)
	}
	if got := ended.Marked(leak("t2"), 12); got.Emergency == nil || got.Emergency.ID != "t2" || got.Emergency.Has("t1") {
		t.Errorf("got %+v, want a new one", got.Emergency)
	}
}

func TestOnlyAMintAnnouncedAfterTheMarkIsAfterIt(t *testing.T) {
	e := register.Item{}.Marked(leak("t1"), 4).Emergency
	for _, row := range []struct {
		what      string
		announced int64
		shown     string
		want      bool
	}{
		{"before", 3, "f1", false}, {"with it", 4, "f1", false}, {"after", 5, "f1", true},
		{"only seen", 0, "f1", false}, {"another", 5, "f2", false}, {"none", 5, "", false},
	} {
		if got := e.After(register.Minted{Fingerprint: "f1", Announced: row.announced}, row.shown); got != row.want {
			t.Errorf("%s: got %v, want %v", row.what, got, row.want)
		}
	}
}

// TestAMintFoundByItsIntentCountsFromItsAnnouncement: the intent is older than the mark;
// its outcome is found after it.
func TestAMintFoundByItsIntentCountsFromItsAnnouncement(t *testing.T) {
	i := register.Item{}.Announce(mint, 3, noon).Marked(leak("t1"), 4).Minted("original", "f1", noon.Add(time.Minute))
	if i.Emergency.After(i.Applications["original"].Current, "f1") {
		t.Error("a mint that was announced before the mark counts as after it")
	}
	i = i.Announce(mint, 6, noon).Minted("original", "f2", noon.Add(2*time.Minute))
	if !i.Emergency.After(i.Applications["original"].Current, "f2") {
		t.Error("a mint that was announced after the mark does not count")
	}
}

func TestOverKeepsWhatHasEnded(t *testing.T) {
	i := register.Item{}.Marked(leak("t1"), 4).Over(noon)
	if i.Emergency != nil || i.Ended == nil || i.Ended.ID != "t1" || !i.Ended.At.Equal(noon) {
		t.Errorf("got %+v and %+v, want none and the one that has ended", i.Emergency, i.Ended)
	}
	if again := i.Over(noon.Add(time.Hour)); !again.Ended.At.Equal(noon) {
		t.Errorf("got %v, want the first end", again.Ended.At)
	}
}

// TestARestoredEmergencyKnowsWhatWasMintedForIt: if there are several commands, each says
// so.
func TestARestoredEmergencyKnowsWhatWasMintedForIt(t *testing.T) {
	i := register.Item{}.Marked(leak("t1"), 4).Marked(leak("t2"), 5).Announce(mint, 6, noon).Minted("original", "f9", noon)
	rows := i.Rows()
	if len(rows) != 2 || rows[0].ID != "t1" || rows[1].ID != "t2" || rows[1].Minted["original"] != "f9" || rows[0].Commands != nil {
		t.Fatalf("got %+v, want a row for each command, with what was minted", rows)
	}
	back := register.Item{}.Begin(noon).Reopened(rows, 3)
	if e := back.Emergency; e == nil || !e.Has("t1") || !e.Has("t2") || len(e.Must) != 1 || !e.After(back.Applications["original"].Current, "f9") {
		t.Errorf("got %+v, want the emergency with both commands, and its mint after the mark", back)
	}
	for _, later := range [][]register.Emergency{append(rows, leak("t3")), {leak("t3")}, append([]register.Emergency{leak("t0")}, rows...)} {
		back = register.Item{}.Begin(noon).Reopened(later, 3)
		if e := back.Emergency; !e.Has(later[0].ID) || e.After(back.Applications["original"].Current, "f9") {
			t.Errorf("got %+v, want no mint after the mark of a command that knows of none", back)
		}
	}
	next := back.Announce(mint, 4, noon).Minted("original", "f10", noon)
	if !next.Emergency.After(next.Applications["original"].Current, "f10") {
		t.Error("a mint announced after the restoration does not count")
	}
	if none := (register.Item{}).Begin(noon).Reopened(nil, 3); none.Emergency != nil {
		t.Errorf("got %+v, want none", none.Emergency)
	}
}

func TestOnlyAMintOfTheEmergencyIsToldByItsRows(t *testing.T) {
	i := register.Item{}.Announce(mint, 3, noon).Minted("original", "f1", noon).Marked(leak("t1"), 4)
	if rows := i.Rows(); len(rows) != 1 || len(rows[0].Minted) != 0 {
		t.Errorf("got %+v, want a row without the mint from before", rows)
	}
	if rows := i.Over(noon).Rows(); rows != nil {
		t.Errorf("got %+v, want none of an emergency that has ended", rows)
	}
}

// TestANewItemMayMissManagedSecrets: it stops being new once someone has searched for them,
// or the audits have met them.
func TestANewItemMayMissManagedSecrets(t *testing.T) {
	i := register.Item{}.Begin(noon)
	searched := i
	searched.Searched = true
	for _, row := range []struct {
		what string
		item register.Item
		at   time.Duration
		want bool
	}{
		{"begun now", i, 0, true}, {"within a day", i, 23 * time.Hour, true}, {"a day later", i, 24 * time.Hour, false},
		{"searched", searched, 0, false}, {"of old", register.Item{}, 0, false},
	} {
		if got := row.item.MayMiss(noon.Add(row.at)); got != row.want {
			t.Errorf("%s: got %v, want %v", row.what, got, row.want)
		}
	}
}
