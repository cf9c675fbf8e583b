package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pingrotate/internal/belief"
	"pingrotate/internal/conformance"
)

var write = flag.Bool("write", false, "write the tables of docs/conformance.md")

const pageName = "../../docs/conformance.md"

// TestThePageCountsWhatThereIs makes the tables of docs/conformance.md and compares them
// with the page; -write writes them.
func TestThePageCountsWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(pageName)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for mark, table := range map[string]string{"grades": gradesTable(t), "probes": probesTable(t), "reasons": reasonsTable(t)} {
		begin, end := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->"
		head, rest, found := strings.Cut(page, begin)
		_, tail, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("the page has no place for %s", mark)
		}
		page = head + begin + table + end + tail
	}
	if page == string(text) {
		return
	}
	if *write {
		if err := os.WriteFile(pageName, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("the tables of docs/conformance.md are not up to date; go test ./internal/conformance -run ThePageCounts -write writes them")
}

// lists are the beliefs by the service that they are about.
func lists(t *testing.T) (names []string, of map[string][]belief.Belief, suites map[string]conformance.Suite) {
	p, a := newPingOneWorld(t).suite, newAWSWorld(t).suite
	names = []string{"PingOne", "Secrets Manager", "DynamoDB"}
	of = map[string][]belief.Belief{"PingOne": p.Beliefs()}
	for _, b := range a.Beliefs() {
		name := map[byte]string{'S': "Secrets Manager", 'D': "DynamoDB"}[b.ID[0]]
		of[name] = append(of[name], b)
	}
	return names, of, map[string]conformance.Suite{"PingOne": p, "Secrets Manager": a, "DynamoDB": a}
}

func gradesTable(t *testing.T) string {
	names, of, _ := lists(t)
	var b strings.Builder
	b.WriteString("| weakest part | " + strings.Join(names, " | ") + " |\n|---|" + strings.Repeat("---|", len(names)) + "\n")
	for _, g := range belief.Grades() {
		fmt.Fprintf(&b, "| %s |", g)
		for _, name := range names {
			n := 0
			for _, one := range of[name] {
				if one.Grade() == g {
					n++
				}
			}
			fmt.Fprintf(&b, " %d |", n)
		}
		b.WriteString("\n")
	}
	return b.String() + "| all |" + total(names, of) + "\n"
}

func total(names []string, of map[string][]belief.Belief) (row string) {
	for _, name := range names {
		row += fmt.Sprintf(" %d |", len(of[name]))
	}
	return row
}

func probesTable(t *testing.T) string {
	names, of, suites := lists(t)
	var b strings.Builder
	b.WriteString("| | beliefs | with a probe | without, for a reason | lies, each noticed by its own probe alone |\n|---|---|---|---|---|\n")
	for _, name := range names {
		reasons, lies := 0, 0
		for _, one := range of[name] {
			if suites[name].Reasons()[one.ID] != "" {
				reasons++
			}
			if pingOneLies()[one.ID] != nil || awsLies[one.ID] != nil {
				lies++
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", name, len(of[name]), len(of[name])-reasons, reasons, lies)
	}
	return b.String()
}

func reasonsTable(t *testing.T) string {
	names, of, suites := lists(t)
	var b strings.Builder
	b.WriteString("| belief | why there is no probe |\n|---|---|\n")
	for _, name := range names {
		for _, one := range of[name] {
			if reason := suites[name].Reasons()[one.ID]; reason != "" {
				fmt.Fprintf(&b, "| %s | %s |\n", one.ID, reason)
			}
		}
	}
	return b.String()
}
