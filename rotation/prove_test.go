package rotation_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	prove     = flag.Bool("prove", false, "try everything, or the share of it, and print the tables")
	readme    = flag.String("readme", "", "with -prove, write the tables into this file, between its markers")
	shareFlag = flag.String("share", "1/1", "with -prove, the part of the cells to play: N/M, by the seed")
	seed      = flag.Uint64("seed", 1, "of what is left out where not everything is played")
	lives     = flag.Bool("weeks", true, "play the 60 days that follow each distinct state, too")
	only      = flag.String("only", "", "play all cells, of the scenarios alone whose names contain this")
)

var shareN, shareM uint64 = 1, 1

// results collect what the proof's tests found, for its tables.
var results struct {
	mu      sync.Mutex
	matrix  map[string]map[string]score // what was tried and scenario, fate
	excused map[string]map[cause]int    // by scenario
	checks  int
	cells   int      // there are with one fault, if all is played at each call
	duels   []string // rows
	weeks   string
}

type score struct{ kept, tried int }

func (s score) String() string {
	if s.tried == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.kept, s.tried)
}

// note counts a cell.
func note(what string, c cell, r result) {
	results.mu.Lock()
	defer results.mu.Unlock()
	if results.matrix == nil {
		results.matrix, results.excused = map[string]map[string]score{}, map[string]map[cause]int{}
	}
	key := what + " " + c.s.name
	if results.matrix[key] == nil {
		results.matrix[key] = map[string]score{}
	}
	s := results.matrix[key][c.column()]
	s.tried++
	if r.report == "" {
		s.kept++
	}
	results.matrix[key][c.column()] = s
	results.checks += r.checks
	for why, n := range r.excused {
		if results.excused[c.s.name] == nil {
			results.excused[c.s.name] = map[cause]int{}
		}
		results.excused[c.s.name][why] += n
	}
}

// matrixTable has a row for each scenario: cells with one fault and with two, and what
// was excused.
func matrixTable() string {
	var b strings.Builder
	b.WriteString("| scenario | one fault | kept | two faults | kept |\n|---|---:|---:|---:|---:|\n")
	var all [2]score
	for _, s := range scenarios {
		var sum [2]score
		for i, what := range []string{"one fault", "two faults"} {
			for _, c := range results.matrix[what+" "+s.name] {
				sum[i] = score{sum[i].kept + c.kept, sum[i].tried + c.tried}
			}
			all[i] = score{all[i].kept + sum[i].kept, all[i].tried + sum[i].tried}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", s.name, sum[0].tried, sum[0].kept, sum[1].tried, sum[1].kept)
	}
	fmt.Fprintf(&b, "| **all** | %d | %d | %d | %d |\n", all[0].tried, all[0].kept, all[1].tried, all[1].kept)
	if shareN < shareM {
		fmt.Fprintf(&b, "\nThis run has played %d/%d of the cells with one fault, by seed %d, and of those with two that they lead to.\n", shareN, shareM, *seed)
	}
	fmt.Fprintf(&b, "\nAt every call everything that can happen: %d cells with one fault.\n", results.cells)
	return b.String()
}

// fateTable has a row for each fate.
func fateTable() string {
	var b strings.Builder
	b.WriteString("| what happens at a call | cells | kept every invariant |\n|---|---:|---:|\n")
	sums := map[string]score{}
	for _, row := range results.matrix {
		for f, c := range row {
			sums[f] = score{sums[f].kept + c.kept, sums[f].tried + c.tried}
		}
	}
	for _, f := range append([]string{"no fault"}, fateNames()...) {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", f, sums[f].tried, sums[f].kept)
	}
	return b.String()
}

// excuseTable shows which checks were excused, and by which causes.
func excuseTable() string {
	var b strings.Builder
	total := 0
	fmt.Fprintf(&b, "| scenario | cause | checks |\n|---|---|---:|\n")
	for _, name := range slices.Sorted(maps.Keys(results.excused)) {
		for _, why := range slices.Sorted(maps.Keys(results.excused[name])) {
			n := results.excused[name][why]
			total += n
			fmt.Fprintf(&b, "| %s | %s | %d |\n", name, why, n)
		}
	}
	fmt.Fprintf(&b, "| **all** | | %d of %d |\n", total, results.checks)
	return b.String()
}

func TestMain(m *testing.M) {
	flag.Parse()
	if *walks == 0 {
		flag.Set("rapid.seed", "20261127") // the same walks each time, unless they are asked for
	}
	if _, err := fmt.Sscanf(*shareFlag, "%d/%d", &shareN, &shareM); err != nil || shareM == 0 || shareN == 0 || shareN > shareM {
		fmt.Fprintf(os.Stderr, "-share %s: must be N/M\n", *shareFlag)
		os.Exit(2)
	}
	code := m.Run()
	if *prove && (results.matrix != nil || results.duels != nil) {
		code = cmp.Or(code, publish())
	}
	os.Exit(code)
}

func duelTable() string {
	slices.Sort(results.duels)
	return "| two invocations at once | states | interleavings | AWSCURRENT dead in | for calls at most | end well |\n|---|---:|---:|---:|---:|---|\n" +
		strings.Join(results.duels, "")
}

// publish prints the tables, and writes them to the pages if asked to.
func publish() int {
	tables := map[string]string{}
	if results.matrix != nil {
		tables = map[string]string{"matrix": matrixTable(), "fates": fateTable(), "excused": excuseTable(), "weeks": results.weeks + "\n"}
	}
	if results.duels != nil {
		tables["duels"] = duelTable()
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		fmt.Printf("\n%s\n\n%s", name, tables[name])
	}
	if *readme == "" {
		return 0
	}
	if err := update(*readme, tables); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// update replaces the text between the markers <!-- NAME --> and <!-- /NAME -->.
func update(file string, tables map[string]string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the file to update: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(string(text), begin)
		_, after, found := strings.Cut(rest, end)
		if !ok || !found {
			return fmt.Errorf("update %s: there are no markers for %s", file, name)
		}
		text = []byte(before + begin + tables[name] + end + after)
	}
	return os.WriteFile(file, text, 0o644)
}

// progress shows how far a long test has come.
type progress struct {
	mu                  sync.Mutex
	what                string
	done, all, breaches int
}

// tell shows a breach at once, because a test's output comes only at its end.
func (p *progress) tell(report string) {
	if *prove {
		fmt.Fprintf(os.Stderr, "\nBREACH %s\n", report)
	}
}

func (p *progress) step(kept bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if !kept {
		p.breaches++
	}
	if *prove && (p.done%200 == 0 || p.done == p.all) {
		fmt.Fprintf(os.Stderr, "\r%s: %d of %d, %d breaches ", p.what, p.done, p.all, p.breaches)
		if p.done == p.all {
			fmt.Fprintln(os.Stderr)
		}
	}
}
