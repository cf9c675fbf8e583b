// Command module gives the project the module path under which its owner publishes it, as
// in
//
//	go run .ci/module/main.go example.com/org/pingrotate
//
// It changes go.mod, the modules below .ci, and the import paths in programs and pages. The
// command keeps its name. It can be run again.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 || os.Args[1] == "" {
		log.Fatal("module: give the module's path, as in example.com/org/pingrotate")
	}
	if err := rename(os.Args[1]); err != nil {
		log.Fatalf("module: %v", err)
	}
}

func rename(to string) error {
	from, err := output("go", "list", "-m")
	if err != nil {
		return err
	}
	if _, err := output("go", "mod", "edit", "-module="+to, "-print"); err != nil {
		return err // the go command does not accept the path
	}
	tracked, err := output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	names := strings.Split(strings.TrimSuffix(tracked, "\x00"), "\x00")
	path := regexp.MustCompile("([\"`\\[ ])" + regexp.QuoteMeta(from) + "/(" + strings.Join(packages(names), "|") + ")([\"`./\\]])")
	var programs []string
	for _, name := range names {
		switch {
		case filepath.Base(name) == "go.mod":
			if err := renameModule(filepath.Dir(name), from, to); err != nil {
				return err
			}
			continue
		case !slices.Contains([]string{".go", ".md", ".txtar"}, filepath.Ext(name)):
			continue
		}
		old, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		renamed := path.ReplaceAll(old, []byte("${1}"+to+"/${2}${3}"))
		if bytes.Equal(old, renamed) {
			continue
		}
		if err := os.WriteFile(name, renamed, 0o666); err != nil {
			return err
		}
		if filepath.Ext(name) == ".go" {
			programs = append(programs, name)
		}
	}
	if len(programs) == 0 {
		return nil
	}
	_, err = output("gofmt", append([]string{"-w"}, programs...)...) // which sorts the imports
	return err
}

// packages returns the directories, at the top level or in modules below .ci, that have
// programs. Only before one of them is the old path part of an import path: a module path
// without a dot is a name that other things have too.
func packages(names []string) (tops []string) {
	for _, name := range names {
		top, _, below := strings.Cut(strings.TrimPrefix(filepath.ToSlash(name), ".ci/"), "/")
		if below && filepath.Ext(name) == ".go" && !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	return tops
}

// renameModule renames the module in a directory: the project's, or one below it that uses
// the project from its directory.
func renameModule(dir, from, to string) error {
	file := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(string(text), "module "), "\n")
	if path != from && !strings.HasPrefix(path, from+"/") {
		return fmt.Errorf("%s is not of the module %s", file, from)
	}
	uses := strings.NewReplacer("\t"+from+" v0.0.0\n", "\t"+to+" v0.0.0\n", "\nreplace "+from+" => ", "\nreplace "+to+" => ")
	rest := uses.Replace(strings.TrimPrefix(string(text), "module "+path))
	return os.WriteFile(file, []byte("module "+to+strings.TrimPrefix(path, from)+rest), 0o666)
}

func output(name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
