package belief_test

import (
	"reflect"
	"testing"

	"pingrotate/internal/belief"
	"pingrotate/internal/registertest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"
)

func TestEachBeliefHasAGrade(t *testing.T) {
	seen := map[string]bool{}
	for prefix, all := range map[byte][]belief.Belief{
		'B': pingonetest.Beliefs(), 'S': secretsmanagertest.Beliefs(), 'D': registertest.Beliefs(),
	} {
		if len(all) < 20 {
			t.Errorf("%c: read %d beliefs, want more: does the reader still see them?", prefix, len(all))
		}
		for _, b := range all {
			if b.ID[0] != prefix || seen[b.ID] || b.Text == "" || len(b.Grades) == 0 {
				t.Errorf("%+v: not of the list, or given twice, or empty", b)
			}
			seen[b.ID] = true
		}
	}
}

func TestGradesAreThoseOfTheSources(t *testing.T) {
	all, err := belief.Parse(`
//   - B1: A thing (a small one) is so. (documented: Things; assumed for the colour)
//   - S2: A label goes. (API Move; message in terraform-provider-aws) Twice is refused. (assumed; switch X)
//   - D3: It is so. (recorded)
`)
	want := []belief.Belief{
		{"B1", "A thing (a small one) is so.", "documented: Things; assumed for the colour", []belief.Grade{belief.Documented, belief.Assumed}},
		{"S2", "A label goes. Twice is refused.", "API Move; message in terraform-provider-aws; assumed; switch X",
			[]belief.Grade{belief.Documented, belief.Seen, belief.Assumed}},
		{"D3", "It is so.", "recorded", []belief.Grade{belief.Recorded}},
	}
	if err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v, error %v, want %+v", all, err, want)
	}
	if all[1].Grade() != belief.Assumed {
		t.Errorf("got %v, want the grade of the weakest part", all[1].Grade())
	}
}

func TestABeliefWithoutASourceIsRefused(t *testing.T) {
	if _, err := belief.Parse("//   - B1: Because I say so."); err == nil {
		t.Error("got no error")
	}
}
