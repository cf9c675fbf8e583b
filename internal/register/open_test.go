package register_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

func leak(id string) register.Emergency {
	at := time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)
	return register.Emergency{
		ID: id, Since: at, Marked: at, How: "swift", By: "ops", Reason: "in a public repository", Secret: orders,
		Must: []register.Victim{{Application: key.ID, Fingerprint: "sha256:0a1b"}},
	}
}

func TestOpenEmergenciesAreKeptUntilClosed(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		opened := func(k register.Key) []string {
			t.Helper()
			all := []string{}
			for _, e := range ok[[]register.Emergency](t)(s.open().Opened(t.Context(), k)) {
				all = append(all, e.ID+" "+e.How)
			}
			return all
		}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
		do(table.PutOpen(t.Context(), key, leak("t1")))
		do(table.PutOpen(t.Context(), key, leak("t2")))
		do(table.PutOpen(t.Context(), other, leak("t3")))
		worse := leak("t2")
		worse.How = "contain"
		do(table.PutOpen(t.Context(), key, worse))
		if got := opened(key); fmt.Sprint(got) != "[t1 swift t2 contain]" {
			t.Errorf("got %v, want both, the second as it was stored last", got)
		}
		if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), other)); len(got) != 1 || !reflect.DeepEqual(got[0], leak("t3")) {
			t.Errorf("got %+v, want what was stored", got)
		}
		do(table.Close(t.Context(), key, "t1", "t9"))
		if got := opened(key); fmt.Sprint(got) != "[t2 contain]" {
			t.Errorf("got %v, want the one that is not closed", got)
		}
		do(table.Close(t.Context(), key))
		do(table.Close(t.Context(), key, "t2"))
		if got := opened(key); len(got) != 0 {
			t.Errorf("got %v, want none", got)
		}
		if got := opened(other); len(got) != 1 {
			t.Errorf("got %v of another client, want one", got)
		}
		if got := ok[register.Revision](t)(table.Fetch(t.Context(), key)); got.Number != 1 {
			t.Errorf("got revision %d, want the item untouched", got.Number)
		}
	})
}

// TestOpenEmergencySurvivesTheItem: what an item says is lost with it; the emergency is not.
func TestOpenEmergencySurvivesTheItem(t *testing.T) {
	_, table := start(t)
	if err := table.PutOpen(t.Context(), key, leak("t1")); err != nil {
		t.Fatal(err)
	}
	if got := ok[register.Revision](t)(table.Fetch(t.Context(), key)); got.Number != 0 {
		t.Errorf("got %+v, want no item yet", got)
	}
	// It does not count as an item: the first revision can be written.
	ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
	if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 1 {
		t.Errorf("got %d open emergencies, want 1", len(got))
	}
}

func TestOpenAndCloseThroughEachFault(t *testing.T) {
	for _, kind := range fault.Kinds() {
		t.Run(kind.String(), inBubble(func(t *testing.T, s *registertest.Server, table *register.Table) {
			check := func(err error) (done bool) {
				t.Helper()
				if kind == fault.Denied {
					failed(t, err, register.Denied)
					return false
				}
				if err != nil {
					t.Errorf("got %v, want success: there was but one fault", err)
				}
				return err == nil
			}
			want := 0
			s.Fail("PutItem", kind)
			if check(table.PutOpen(t.Context(), key, leak("t1"))) {
				want = 1
			}
			s.Fail("Query", kind)
			all, err := table.Opened(t.Context(), key)
			if check(err) && len(all) != want {
				t.Errorf("got %v, want %d", all, want)
			}
			s.Fail("DeleteItem", kind)
			if check(table.Close(t.Context(), key, "t1")) {
				want = 0
			}
			s.Before(nil)
			if all := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(all) != want {
				t.Errorf("got %v, want %d", all, want)
			}
		}))
	}
}

func TestOpenEmergencyOfANewerProgramIsRefused(t *testing.T) {
	s, table := start(t)
	s.Put(tableName, map[string]any{"subject": "client#" + key.String(), "entry": "emergency#t1", "format": 2, "emergency": "{}"})
	_, err := table.Opened(t.Context(), key)
	failed(t, err, register.Newer)
}

func TestOpenedAndEvidenceAreConsistent(t *testing.T) {
	s, table := start(t)
	s.LagReads(time.Hour)
	if err := table.PutOpen(t.Context(), key, leak("t1")); err != nil {
		t.Fatal(err)
	}
	if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 1 {
		t.Errorf("got %d open emergencies, want 1", len(got))
	}
	if err := table.Append(t.Context(), register.Evidence{What: "rotate"}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, table, register.Query{}); len(got) != 1 {
		t.Errorf("got %v, want the evidence", got)
	}
}

func TestARowIsRestatedOnlyWhileItIsThere(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		row := leak("t1")
		row.Minted = map[string]string{"a": "f9"}
		if err := table.PutOpen(t.Context(), key, leak("t1")); err != nil {
			t.Fatal(err)
		}
		if err := table.Restate(t.Context(), key, row); err != nil {
			t.Fatal(err)
		}
		if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 1 || got[0].Minted["a"] != "f9" {
			t.Errorf("got %+v, want the row as it was restated", got)
		}
		if err := table.Close(t.Context(), key, "t1"); err != nil {
			t.Fatal(err)
		}
		if err := table.Restate(t.Context(), key, row); err != nil {
			t.Errorf("a row that is closed: got %v, want it to be left closed", err)
		}
		if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 0 {
			t.Errorf("got %+v, want none", got)
		}
	})
}
