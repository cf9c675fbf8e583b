package rotation_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	prove  = flag.Bool("prove", false, "try every cell of the crash matrix and every interleaving")
	readme = flag.String("readme", "", "with -prove, write the tables into this file, between its markers")
)

// results are what the proof's tests have found, for the tables at its end.
var results struct {
	mu     sync.Mutex
	matrix map[string]map[string]score // scenario, fate
	duels  []string                    // rows
}

type score struct{ kept, tried int }

func (s score) String() string {
	if s.tried == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.kept, s.tried)
}

// note counts a cell.
func note(scenario, fate string, kept bool) {
	results.mu.Lock()
	defer results.mu.Unlock()
	if results.matrix == nil {
		results.matrix = map[string]map[string]score{}
	}
	row := results.matrix[scenario]
	if row == nil {
		row = map[string]score{}
		results.matrix[scenario] = row
	}
	s := row[fate]
	s.tried++
	if kept {
		s.kept++
	}
	row[fate] = s
}

// matrixTable shows, for each scenario and fate, how many cells kept every
// invariant of those tried.
func matrixTable() string {
	fates := fateNames()
	var b strings.Builder
	fmt.Fprintf(&b, "| scenario | %s | all |\n|---|%s---:|\n", strings.Join(fates, " | "), strings.Repeat("---:|", len(fates)))
	all := map[string]score{}
	row := func(name string, cells map[string]score) {
		fmt.Fprintf(&b, "| %s |", name)
		var sum score
		for _, f := range fates {
			s := cells[f]
			fmt.Fprintf(&b, " %s |", s)
			sum.kept, sum.tried = sum.kept+s.kept, sum.tried+s.tried
			if name != "**all**" {
				all[f] = score{all[f].kept + s.kept, all[f].tried + s.tried}
			}
		}
		fmt.Fprintf(&b, " %s |\n", sum)
	}
	for _, s := range scenarios {
		row(s.name, results.matrix[s.name])
	}
	row("**all**", all)
	return b.String()
}

// matrixSummary is the table with a column for all fates together.
func matrixSummary() string {
	var b strings.Builder
	b.WriteString("| scenario | cells | kept every invariant |\n|---|---:|---:|\n")
	var all score
	row := func(name string, s score) { fmt.Fprintf(&b, "| %s | %d | %d |\n", name, s.tried, s.kept) }
	for _, s := range scenarios {
		var sum score
		for _, cell := range results.matrix[s.name] {
			sum = score{sum.kept + cell.kept, sum.tried + cell.tried}
		}
		row(s.name, sum)
		all = score{all.kept + sum.kept, all.tried + sum.tried}
	}
	row("**all**", all)
	return b.String()
}

func duelTable() string {
	slices.Sort(results.duels)
	return "| two invocations at once | states | interleavings | AWSCURRENT dead in | for calls at most | end well |\n|---|---:|---:|---:|---:|---|\n" +
		strings.Join(results.duels, "")
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if *prove && code == 0 && results.matrix != nil {
		fmt.Printf("\n%s\n%s\n", matrixTable(), duelTable())
		if *readme != "" {
			if err := update(*readme, map[string]string{"matrix": matrixSummary(), "duels": duelTable()}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// update replaces what is between the markers <!-- NAME --> and <!-- /NAME -->.
func update(file string, tables map[string]string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the file to update: %w", err)
	}
	for name, table := range tables {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(string(text), begin)
		_, after, found := strings.Cut(rest, end)
		if !ok || !found {
			return fmt.Errorf("update %s: there are no markers for %s", file, name)
		}
		text = []byte(before + begin + table + end + after)
	}
	return os.WriteFile(file, text, 0o644)
}

// progress shows how far a long test has come.
type progress struct {
	mu                  sync.Mutex
	what                string
	done, all, breaches int
}

func (p *progress) step(kept bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if !kept {
		p.breaches++
	}
	if *prove && (p.done%50 == 0 || p.done == p.all) {
		fmt.Fprintf(os.Stderr, "\r%s: %d of %d, %d breaches ", p.what, p.done, p.all, p.breaches)
		if p.done == p.all {
			fmt.Fprintln(os.Stderr)
		}
	}
}
