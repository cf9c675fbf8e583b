package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages returns the text of README and of each page beside it and in docs/, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(text)
		}
	}
	return all
}

func TestPagesShowCommandLines(t *testing.T) {
	seen := 0
	for name, text := range pages(t) {
		for i, block := range strings.Split(text, "\n```") {
			if i%2 == 0 { // between the blocks
				continue
			}
			for _, line := range commandLines(block) {
				seen++
				if err := parses(line); err != nil {
					t.Errorf("%s: %q: %v", name, line, err)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("found %d command lines in the pages, want more: does this test still see them?", seen)
	}
}

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	all := pages(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	seen := 0
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			seen++
			path, anchor, _ := strings.Cut(m[1], "#")
			to := name
			if path != "" {
				to = filepath.Join(filepath.Dir(name), filepath.FromSlash(path))
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, m[1])
			}
			if anchor != "" && !strings.Contains(headings(all[to]), "\n"+anchor+"\n") {
				t.Errorf("%s: the link %s leads to no heading", name, m[1])
			}
		}
	}
	if seen < 30 {
		t.Errorf("found %d links, want more: does this test still see them?", seen)
	}
}

// headings returns the anchors of a page's headings, one a line.
func headings(text string) string {
	var b strings.Builder
	b.WriteString("\n")
	for _, line := range strings.Split(text, "\n") {
		if title := strings.TrimLeft(line, "#"); title != line {
			title = strings.ToLower(strings.TrimSpace(title))
			b.WriteString(strings.ReplaceAll(regexp.MustCompile("[^a-z0-9 -]").ReplaceAllString(title, ""), " ", "-") + "\n")
		}
	}
	return b.String()
}

func TestTargetsThatThePagesNameAreThere(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for name, text := range pages(t) {
		for _, m := range regexp.MustCompile("(?m)(?:`|^ *(?:\\$ )?)make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
			seen++
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: there is no make %s", name, m[1])
			}
		}
	}
	if seen < 15 {
		t.Errorf("found %d targets, want more: does this test still see them?", seen)
	}
}

func TestREADMEIsShort(t *testing.T) {
	if lines := strings.Count(pages(t)["../../README.md"], "\n"); lines > 180 {
		t.Errorf("README has %d lines, want at most 180: details belong into docs/", lines)
	}
}

// commandLines returns the lines of a text that begin with the command, or with a
// prompt and the command, as words. Quotes and a backslash at the end of a line have
// their meaning; what follows a redirection, a pipe or a comment is left out.
func commandLines(text string) (lines [][]string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
		if !strings.HasPrefix(line, "pingrotate ") {
			continue
		}
		var words []string
		word, quote, begun := "", rune(0), false
	letters:
		for _, r := range line {
			switch {
			case quote != 0 && r == quote:
				quote = 0
			case quote != 0:
				word += string(r)
			case r == '\'' || r == '"':
				quote, begun = r, true
			case strings.ContainsRune("|>;#&", r):
				break letters
			case r == ' ':
				if word != "" || begun {
					words = append(words, word)
				}
				word, begun = "", false
			default:
				word += string(r)
			}
		}
		if word != "" || begun {
			words = append(words, word)
		}
		lines = append(lines, words[1:])
	}
	return lines
}

// parses reports what is wrong with a command line.
func parses(args []string) error {
	c, rest, err := tree().Find(args)
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	return err
}
