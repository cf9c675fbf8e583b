package rotation_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var mutants = flag.Bool("mutants", false, "break the protocol on purpose and see that the tests notice")

// TestMutants runs the tests on programs that break the promise in known ways, and
// fails for each that they let pass. It is what shows that the other tests can fail.
func TestMutants(t *testing.T) {
	if !*mutants {
		t.Skip("run by make mutants")
	}
	text, err := os.ReadFile("testdata/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	caught := 0
	all := strings.Split(string(text), "\n=== ")[1:]
	for _, mutant := range all {
		name, rest, _ := strings.Cut(mutant, "\n")
		file, rest, _ := strings.Cut(rest, "\n<<<\n")
		was, is, ok := strings.Cut(rest, "\n>>>\n")
		if !ok {
			t.Fatalf("%s: not in the form of a mutant", name)
		}
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(root, file)
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), was); n != 1 {
				t.Fatalf("the text to replace occurs %d times in %s; bring the mutant up to date", n, file)
			}
			out := test(t, root, path, strings.Replace(string(source), was, strings.TrimRight(is, "\n"), 1))
			if strings.Contains(out, "[build failed]") {
				t.Fatalf("the mutant does not build:\n%s", out)
			}
			tests := regexp.MustCompile(`(?m)^--- FAIL: (\w+)`).FindAllStringSubmatch(out, -1)
			if len(tests) == 0 {
				t.Fatal("not noticed by any test")
			}
			caught++
			var names []string
			for _, m := range tests {
				names = append(names, m[1])
			}
			fmt.Fprintf(os.Stderr, "caught  %-58s by %s\n", name, shorten(names))
		})
	}
	fmt.Fprintf(os.Stderr, "%d of %d mutants caught\n", caught, len(all))
}

// test runs the tests of the packages that make the promise, with one file replaced.
func test(t *testing.T, root, path, source string) string {
	t.Helper()
	dir := t.TempDir()
	mutated, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(mutated, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-short", "-failfast", "-timeout=2m", "./pingone", "./internal/document", "./internal/provision", "./rotation")
	cmd.Dir = root
	out, _ := cmd.CombinedOutput() // a failure is what is hoped for
	return string(out)
}

func shorten(names []string) string {
	if len(names) > 2 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), len(names)-2)
	}
	return strings.Join(names, ", ")
}
