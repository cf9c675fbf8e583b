package rotation_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryCaseHasItsTest(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] == "#" {
			continue
		}
		pkg, test := fields[len(fields)-2], fields[len(fields)-1]
		files, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(source), "func "+test+"(t *testing.T)")
		}
		if !found {
			t.Errorf("%s: package %s has no %s", fields[0], pkg, test)
		}
	}
}
