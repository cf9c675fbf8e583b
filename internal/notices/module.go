package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A module is one that is linked into a program. The standard library is one, too.
type module struct{ path, version, dir string }

// platforms are those that the programs are built for. They differ slightly in what is
// linked.
var platforms = []string{"linux", "darwin", "windows"}

// linked returns the modules that the packages are linked with, except this one, sorted by
// path.
func linked(packages ...string) ([]module, error) {
	found := map[module]bool{}
	for _, platform := range platforms {
		args := append([]string{"list", "-deps", "-tags", "lambda.norpc", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"}, packages...)
		c := exec.Command("go", args...)
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOOS="+platform)
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("list the modules for %s: %w", platform, err)
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
				found[module{f[0], f[1], f[2]}] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b module) int { return cmp.Compare(a.path, b.path) }), nil
}

var licenceFile = regexp.MustCompile(`^(?i)(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// texts returns the module's licence and notices, by the names of their files. A module
// that is part of a repository may have them at its root, which go mod does not keep; all
// of those here have their own.
func (m module) texts() (map[string]string, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		all[e.Name()] = strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s %s: has no licence", m.path, m.version)
	}
	return all, nil
}

// page writes the modules, and each text once with the modules that it is of.
func page(modules []module) (string, error) {
	var b strings.Builder
	b.WriteString("# Third-party notices\n\nThe programs are linked with these modules, and with the Go standard library, which has the licence of golang.org/x/sys. `make notices` writes this page.\n\n| module | version |\n|---|---|\n")
	type use struct{ name, text string }
	of := map[use][]string{}
	var order []use
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s |\n", m.path, m.version)
		texts, err := m.texts()
		if err != nil {
			return "", err
		}
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			u := use{name, texts[name]}
			if of[u] == nil {
				order = append(order, u)
			}
			of[u] = append(of[u], m.path)
		}
	}
	for _, u := range order {
		fmt.Fprintf(&b, "\n## %s of %s\n\n~~~\n%s\n~~~\n", u.name, strings.Join(of[u], ", "), u.text)
	}
	return b.String(), nil
}
