package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tree returns the commands, of a program that writes nothing.
func tree() *cobra.Command {
	p, _ := quietly(aws.Config{})
	p.function = "" // what is set is the default that the help shows
	return newRoot(p)
}

func TestHelpNamesEachFlagAndNoOther(t *testing.T) {
	mentioned := regexp.MustCompile(`(?m)(?:^|[ (\[|])(--?[a-z][a-z-]*)`)
	for _, c := range tree().Commands() {
		text := help(c, 0)
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || !regexp.MustCompile(`(?m)^ +(-\w, )?--`+f.Name+`[ \n]`).MatchString(text) {
				t.Errorf("%s: the help does not explain --%s", c.Name(), f.Name)
			}
		})
		for _, m := range mentioned.FindAllStringSubmatch(c.Long, -1) {
			if c.Flags().Lookup(strings.TrimLeft(m[1], "-")) == nil {
				t.Errorf("%s: the help names %s, which there is not", c.Name(), m[1])
			}
		}
		if c.Short == "" || c.GroupID == "" || c.Long == "" {
			t.Errorf("%s: lacks a summary, a group or a description", c.Name())
		}
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 110 {
				t.Errorf("%s: the help has a line of %d bytes: %s", c.Name(), len(line), line)
			}
		}
	}
}

func TestHelpFitsTheTerminal(t *testing.T) {
	for _, c := range append(tree().Commands(), tree()) {
		text, _, _ := strings.Cut(help(c, 80), "\nExamples:")
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 80 {
				t.Errorf("%s: the help for 80 columns has a line of %d bytes: %s", c.Name(), len(line), line)
			}
		}
	}
	if n := strings.Count(help(tree(), 80), "\n"); n > 48 {
		t.Errorf("the list of the commands has %d lines, want one screen of them", n)
	}
}

func TestParagraphsOfTheHelpFollowTheTerminal(t *testing.T) {
	got := reflowed("One two\nthree four.\n\n    kept    as it is, however long\nFive.", 12)
	want := "One two\nthree four.\n\n    kept    as it is, however long\nFive."
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := reflowed("One two\nthree four.", 100), "One two three four."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestExamplesAreCommandLines parses what the help tells people to type, as far as the
// command line goes.
func TestExamplesAreCommandLines(t *testing.T) {
	for _, c := range tree().Commands() {
		if c.Name() != "version" && !strings.Contains(c.Example, "pingrotate") {
			t.Errorf("%s: the help has no example", c.Name())
		}
		for _, line := range commandLines(c.Example) {
			if err := parses(line); err != nil {
				t.Errorf("%s: the example %q: %v", c.Name(), line, err)
			}
		}
	}
}

func TestFlagsStandBeforeAndAfterTheCommand(t *testing.T) {
	for _, args := range [][]string{
		{"--quiet", "--region", "eu-west-1", "-o", "json", "version"},
		{"version", "--quiet", "--region", "eu-west-1", "-o", "json"},
		{"--quiet", "-o=json", "version", "--region=eu-west-1"},
	} {
		p, _ := quietly(aws.Config{})
		root := newRoot(p)
		root.SetArgs(args)
		if err := root.Execute(); err != nil || !p.quiet || p.region != "eu-west-1" || !p.json() {
			t.Errorf("%q: got quiet %t, Region %q, output %q, error %v", args, p.quiet, p.region, p.output.value, err)
		}
	}
}

func TestEachCommandHasHelpAndVersion(t *testing.T) {
	for _, c := range append(tree().Commands(), tree()) {
		for _, flag := range []string{"--help", "-h", "--version"} {
			p, _ := quietly(aws.Config{})
			var out strings.Builder
			p.out = &out
			root := newRoot(p)
			args := []string{c.Name(), flag}
			if !c.HasParent() {
				args = args[1:]
			}
			root.SetArgs(args)
			want := "Usage:\n    pingrotate"
			if flag == "--version" {
				want = "pingrotate "
			}
			if err := root.Execute(); err != nil || !strings.HasPrefix(out.String(), want) {
				t.Errorf("%s: got %q, error %v", args, out.String(), err)
			}
		}
	}
}

func TestManualPagesAreOfTheSameTree(t *testing.T) {
	dir := t.TempDir()
	p, _ := quietly(aws.Config{})
	root := newRoot(p)
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, c := range tree().Commands() {
		if c.Name() == "help" { // is in the page of the whole program
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, "pingrotate-"+c.Name()+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(string(page), "--"+f.Name) {
				t.Errorf("%s: the manual page has no --%s", c.Name(), f.Name)
			}
		})
	}
}

// TestEachValueIsCompleted checks that the shell is told of each flag with a value what
// its values are, and that only files are completed as files.
func TestEachValueIsCompleted(t *testing.T) {
	files := []string{"log", "from-file", "rotator"}
	for _, c := range tree().Commands() {
		c.InheritedFlags()
		c.Flags().VisitAll(func(f *pflag.Flag) {
			complete, ok := c.GetFlagCompletionFunc(f.Name)
			switch {
			case f.NoOptDefVal != "" || slices.Contains(files, f.Name):
				if ok {
					t.Errorf("%s: --%s is completed as a value", c.Name(), f.Name)
				}
				return
			case !ok:
				t.Errorf("%s: the values of --%s are completed as files", c.Name(), f.Name)
				return
			}
			offered, _ := complete(c, nil, "")
			if one, ok := f.Value.(*choice); ok && !slices.Equal(offered, one.of) {
				t.Errorf("%s: --%s: offered %q, want %q", c.Name(), f.Name, offered, one.of)
			}
		})
	}
}

func TestWhatIsNearIsOffered(t *testing.T) {
	names := []string{"status", "check", "rotate", "rollback"}
	for given, want := range map[string]string{
		"stauts": "status", "rotat": "rotate", "rot": "rotate", "roll": "rollback", "chekc": "check", "turn": "", "": "",
	} {
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if given != "" && didYouMean(given, names) != want {
			t.Errorf("%s: got %q, want %q", given, didYouMean(given, names), want)
		}
	}
}
