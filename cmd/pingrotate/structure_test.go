package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestNoCommandNeedsAnother checks that what a command's file declares is used there
// and in the tree of commands alone, methods included: what two commands need is in a
// file that is neither's.
func TestNoCommandNeedsAnother(t *testing.T) {
	var commands []string
	for _, c := range tree().Commands() {
		commands = append(commands, c.Name()+".go")
	}
	fset := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range paths {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, command := range commands {
		if !slices.Contains(paths, command) {
			t.Errorf("there is no file %s", command)
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	// What the imported packages declare does not matter, and is not read: the errors
	// are about that.
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	pkg, _ := config.Check("main", fset, files, info)
	arrows := 0
	for use, object := range info.Uses {
		if object.Pkg() != pkg {
			continue
		}
		from, to := fset.Position(use.Pos()).Filename, fset.Position(object.Pos()).Filename
		if from != to {
			arrows++
		}
		if from != to && from != "root.go" && slices.Contains(commands, to) {
			t.Errorf("%s: %s is declared in %s, which is a command", fset.Position(use.Pos()), use.Name, to)
		}
	}
	if arrows < 100 {
		t.Errorf("found %d uses of one file's names in another, want more: does this test still see them?", arrows)
	}
}

// nothing is an importer of packages that declare nothing.
type nothing struct{}

func (nothing) Import(importPath string) (*types.Package, error) {
	p := types.NewPackage(importPath, path.Base(importPath))
	p.MarkComplete()
	return p, nil
}

// TestImportsGoDown checks the direction of the imports between the project's parts, and
// that no program contains the tests' clock.
func TestImportsGoDown(t *testing.T) {
	forbidden := map[string][]string{
		"cmd":                 {"pingrotate/cmd"},
		"internal":            {"pingrotate/cmd"},
		"internal/campaign":   {"pingrotate/internal/playground", "flag", "os", "log", "github.com/spf13", "golang.org/x/term"},
		"internal/playground": {"pingrotate/internal/campaign", "flag", "log", "github.com/spf13", "golang.org/x/term"},
		"consumer":            {"pingrotate/cmd", "pingrotate/rotation"},
		"pingone":             {"pingrotate/cmd", "pingrotate/rotation", "pingrotate/internal/campaign", "pingrotate/internal/playground", "github.com/aws"},
		"rotation":            {"pingrotate/cmd", "pingrotate/internal/campaign", "pingrotate/internal/playground", "pingrotate/consumer"},
	}
	seen := 0
	for part, not := range forbidden {
		not = append(not, "pingrotate/internal/clocktest")
		root := filepath.Join("..", "..", filepath.FromSlash(part))
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Name() == "testdata" {
				return fs.SkipDir
			}
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, spec := range file.Imports {
				seen++
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				for _, bad := range not {
					if imported == bad || strings.HasPrefix(imported, bad+"/") {
						t.Errorf("%s imports %s", name, imported)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if seen < 100 {
		t.Errorf("found %d imports, want more: does this test still see them?", seen)
	}
}
