package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestLogOfLocalIsKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	for name, state := range map[string]string{
		"with a home":              filepath.Join(dir, "state"),
		"where it cannot be there": file, // a directory is needed
	} {
		t.Setenv("XDG_STATE_HOME", state)
		for range 2 { // the second run adds to what the first has left
			p, said := quietly(aws.Config{})
			f, err := p.openLog()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("line\n"); err != nil {
				t.Error(err)
			}
			again, err := p.openLog()
			if err != nil || again != f {
				t.Errorf("%s: opened a second time: %v, %v", name, again, err)
			}
			info, err := f.Stat()
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: got mode %v, %v, want that only the user may read it", name, info.Mode(), err)
			}
			if want := "pingrotate: what is done here is logged in " + f.Name() + "\n"; said.String() != want {
				t.Errorf("%s: got %q, want %q", name, said, want)
			}
			p.close()
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "state", "pingrotate", "local.jsonl"))
	if err != nil || strings.Count(string(text), "line\n") != 2 {
		t.Errorf("got %q, %v, want the lines of both runs", text, err)
	}
}
