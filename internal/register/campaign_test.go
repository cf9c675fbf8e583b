package register_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/register"
)

func TestNotesAreReadByCampaignAndKindAndTheLastOneCounts(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		note := func(campaign, kind, of, text string, kept time.Duration) {
			t.Helper()
			if err := table.Note(t.Context(), campaign, register.Note{Kind: kind, Of: of, Text: json.RawMessage(text)}, kept); err != nil {
				t.Fatal(err)
			}
		}
		note("one", "ending", "pingone/a#b", `1`, time.Hour)
		note("one", "ending", "pingone/a#b", `2`, time.Hour)
		note("one", "ending", "pingone/c", `3`, time.Hour)
		note("one", "halt", "", `4`, time.Hour)
		note("one", "halted", "", `5`, time.Hour)
		note("one", "ending", "old", `6`, -time.Second)
		note("two", "ending", "pingone/d", `7`, time.Hour)
		for _, c := range []struct{ campaign, kind, want string }{
			{"one", "", "ending pingone/a#b 2, ending pingone/c 3, halt  4, halted  5"},
			{"one", "halt", "halt  4"},
			{"two", "", "ending pingone/d 7"},
			{"three", "", ""},
		} {
			var got []string
			for n, err := range s.open().Notes(t.Context(), c.campaign, c.kind) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%s %s %s", n.Kind, n.Of, n.Text))
			}
			slices.Sort(got)
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%s %s: got %q, want %q", c.campaign, c.kind, got, c.want)
			}
		}
	})
}

// TestNotesAreReadPageByPage stores more than DynamoDB puts into one page.
func TestNotesAreReadPageByPage(t *testing.T) {
	_, table := start(t)
	large := json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)
	for i := range 9 {
		if err := table.Note(t.Context(), "one", register.Note{Kind: "ending", Of: fmt.Sprint(i), Text: large}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, err := range table.Notes(t.Context(), "one", "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 9 {
		t.Errorf("got %d notes, want 9", n)
	}
	if err := table.Note(t.Context(), "one", register.Note{Kind: "ending", Text: json.RawMessage("{")}, time.Hour); err == nil {
		t.Error("a note that is no JSON is stored")
	}
	for _, err := range (&register.Table{}).Notes(t.Context(), "one", "") {
		if err == nil {
			t.Error("a table without a name has notes")
		}
	}
}
