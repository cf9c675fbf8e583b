package registertest_test

import (
	"strings"
	"testing"
	"time"
)

func TestAgeMovesTheTimesWithinJSONAndNothingElse(t *testing.T) {
	s, _ := start(t)
	s.Put(table, map[string]any{
		"subject": "a", "entry": "2026-03-01T00:00:00Z", "at": "2026-03-01T00:00:00Z", "number": 1,
		"item": `{"at":"2026-03-01T00:00:00.5Z","name":"2026-03-01","deep":{"at":["2026-03-01T00:01:00Z"]}}`,
	})
	s.Age(table, time.Minute)
	for _, want := range []string{
		`{\"at\":\"2026-02-28T23:59:00.5Z\",\"name\":\"2026-03-01\",\"deep\":{\"at\":[\"2026-03-01T00:00:00Z\"]}}`,
		`"entry":{"S":"2026-03-01T00:00:00Z"}`, `"at":{"S":"2026-03-01T00:00:00Z"}`, `"number":{"N":"1"}`,
	} {
		if got := s.Dump(); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}
