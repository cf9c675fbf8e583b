package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEachAttackOfTheThreatModelIsATest reads the table of SECURITY.md: each kind of
// attacker is there, and each test that it names is in the package that it names.
func TestEachAttackOfTheThreatModelIsATest(t *testing.T) {
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Who may do what, and gains nothing")
	section, _, _ = strings.Cut(section, "\n## ")
	tests := map[string]map[string]bool{}
	named := 0
	for _, who := range []string{
		"writer of one secret", "writer of labels and tags", "attacher", "operator, by the payload",
		"tenant of another environment", "hostile service", "reader of all logs", "hostile names in terminals",
	} {
		_, row, ok := strings.Cut(section, "\n| "+who)
		row, _, _ = strings.Cut(row, "\n")
		before := named
		pkg := ""
		for _, m := range regexp.MustCompile("`([a-z/]+)`:|`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(row, -1) {
			if m[1] != "" {
				if pkg = m[1]; tests[pkg] == nil {
					tests[pkg] = testsOf(t, pkg)
				}
				continue
			}
			if named++; !tests[pkg][m[2]] {
				t.Errorf("%s: package %s has no %s", who, pkg, m[2])
			}
		}
		if !ok || named == before {
			t.Errorf("%s: has no row, or no test", who)
		}
	}
}

// testsOf returns the tests of a package.
func testsOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("package %s: has no tests (%v)", pkg, err)
	}
	all := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				all[fn.Name.Name] = true
			}
		}
	}
	return all
}
