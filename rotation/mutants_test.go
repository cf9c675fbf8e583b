package rotation_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

var mutants = flag.Bool("mutants", false, "break the protocol on purpose and see that the tests notice")

// A mutant is a change that breaks the protocol, with the tests that should notice.
type mutant struct {
	name, file string
	by         []string // each a package and a pattern of tests, with a colon between
	was, is    string
}

// readMutants reads testdata/mutants.txt.
func readMutants(t *testing.T) (all []mutant) {
	t.Helper()
	text, err := os.ReadFile("testdata/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range strings.Split(string(text), "\n=== ")[1:] {
		head, rest, _ := strings.Cut(entry, "\n<<<\n")
		was, is, ok := strings.Cut(rest, "\n>>>\n")
		lines := strings.Split(head, "\n")
		if !ok || len(lines) != 3 {
			t.Fatalf("%s: not in the form of a mutant", lines[0])
		}
		all = append(all, mutant{lines[0], lines[1], strings.Fields(lines[2]), was, strings.TrimRight(is, "\n")})
	}
	return all
}

// TestMutants runs the tests on programs that break the promise in known ways, and fails
// for each one that passes. It shows that the other tests can fail.
func TestMutants(t *testing.T) {
	if !*mutants {
		t.Skip("run by make mutants")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	var caught atomic.Int64
	all := readMutants(t)
	t.Run("of", func(t *testing.T) {
		for _, m := range all {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				source, err := os.ReadFile(filepath.Join(root, m.file))
				if err != nil {
					t.Fatal(err)
				}
				out := m.test(t, root, strings.Replace(string(source), m.was, m.is, 1))
				if strings.Contains(out, "[build failed]") {
					t.Fatalf("the mutant does not build:\n%s", out)
				}
				tests := regexp.MustCompile(`(?m)^--- FAIL: (\w+)`).FindAllStringSubmatch(out, -1)
				if len(tests) == 0 {
					t.Fatalf("not noticed by any test:\n%s", out)
				}
				caught.Add(1)
				var names []string
				for _, m := range tests {
					names = append(names, m[1])
				}
				fmt.Fprintf(os.Stderr, "caught  %-70s by %s\n", m.name, shorten(names))
			})
		}
	})
	fmt.Fprintf(os.Stderr, "%d of %d mutants caught\n", caught.Load(), len(all))
}

// Each mutant's text must occur exactly once in the program.
func TestMutantsAreUpToDate(t *testing.T) {
	var names []string
	for _, m := range readMutants(t) {
		source, err := os.ReadFile(filepath.Join("..", m.file))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(source), m.was); n != 1 {
			t.Errorf("%s: the text to replace occurs %d times in %s", m.name, n, m.file)
		}
		if slices.Contains(names, m.name) {
			t.Errorf("%s: there are two of that name", m.name)
		}
		names = append(names, m.name)
	}
}

// test runs the tests that should notice, with the mutant's file replaced.
func (m mutant) test(t *testing.T, root, source string) string {
	t.Helper()
	dir := t.TempDir()
	mutated, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(mutated, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): mutated}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, by := range m.by {
		pkg, pattern, _ := strings.Cut(by, ":")
		args := []string{"test", "-overlay", overlay, "-vet=off", "-short", "-failfast", "-timeout=3m", "-run", pattern, pkg}
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		all = append(all, out...)
		if err != nil {
			break // the tests noticed
		}
	}
	return string(all)
}

func shorten(names []string) string {
	if len(names) > 2 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), len(names)-2)
	}
	return strings.Join(names, ", ")
}
