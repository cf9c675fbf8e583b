package main

import (
	"strings"
	"testing"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"
)

func TestSummarySaysEachErrorOnce(t *testing.T) {
	s := campaign.Summary{Secrets: 5, Promoted: 1, Refused: 1, Failed: 3, CallsPerRotation: 5, Unwell: []rotation.Report{
		{Name: "a", Outcome: rotation.Failed, Error: "no admin"},
		{Name: "b", Outcome: rotation.Refused, Error: "consumers lag"},
		{SecretID: "c", Outcome: rotation.Failed, Error: "no admin"},
		{Name: "d", Outcome: rotation.Failed, Error: "no application"},
	}}
	var b strings.Builder
	if err := tellSummary(&page{w: &b}, s, false); err != nil {
		t.Fatal(err)
	}
	want := `promoted  1  AWSCURRENT is a new secret
refused   1  consumers lag; nothing was changed
failed    3  the error says what to do
failed a, c: no admin
refused b: consumers lag
failed d: no application
5.0 PingOne configuration calls a rotation
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestFindingsThatSecretsShareAreSaidOnce(t *testing.T) {
	refused := []rotation.Finding{{State: rotation.Failure, Point: "admin", Detail: "is refused", Remedy: "store it anew"}}
	var b strings.Builder
	err := tellHealth(&page{w: &b}, []rotation.Health{
		{Name: "a", State: rotation.Failure, Findings: refused},
		{Name: "b", State: rotation.OK},
		{Name: "c", State: rotation.Failure, Findings: refused},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, below, _ := strings.Cut(b.String(), "\n\n")
	if want := "a, c\n  failure  admin  is refused; store it anew\n"; below != want {
		t.Errorf("below the table: got\n%s\nwant\n%s", below, want)
	}
}
