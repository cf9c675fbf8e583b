package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pingrotate/rotation"
)

func TestNothingThatIsShownSteersTheTerminal(t *testing.T) {
	const text = "a\tb \x1b[2Jc\u009bd\r\x07 …█"
	const want = "a\tb ?[2Jc?d?? …█\n"
	var b strings.Builder
	n, err := printable{&b}.Write([]byte(text + "\n"))
	if err != nil || n != len(text)+1 || b.String() != want {
		t.Errorf("got %d, %v, %q, want %d, %q", n, err, b.String(), len(text)+1, want)
	}
	b.Reset()
	p := &page{w: &b, colour: true}
	p.line(cell{text, red})
	if got := b.String(); got != "\x1b[31m"+strings.TrimSuffix(want, "\n")+"\x1b[0m\n" {
		t.Errorf("in colour: got %q, want %q in red and nothing else", got, want)
	}
}

// hostileNames are names, reasons and errors that would steer a terminal, hide a part of
// themselves, or make a line of their own.
var hostileNames = []string{
	"x\x1b[2J\x1b[1;1Hok", "x\x1b]8;;http://evil.example\x07y\x1b]8;;\x07", "x\u009b31mred", "x\rok ", "x\x08\x08ok",
	"x\u202egnp.exe", "x\u2066y\u2069", "x\u200by", "x\ufeffy", "x\u2028ok", "x\U000e0041y", "x\x00y", "x\x7fy",
	"x\nforged  ok", "x\tok", "\xff\xfe",
}

// TestHostileNamesInTerminalsSteerHideAndForgeNothing: in a table, in a line, and as JSON.
func TestHostileNamesInTerminalsSteerHideAndForgeNothing(t *testing.T) {
	for _, name := range hostileNames {
		var b strings.Builder
		p := &page{w: &b}
		p.table([]column{{"SECRET", 0}, {"HEALTH", 0}}, [][]cell{row(name, "failure")})
		p.labelled(cell{text: "open"}, 8, name)
		for _, r := range b.String() {
			if r != '\n' && !unicode.IsGraphic(r) {
				t.Errorf("%q: the terminal gets %q", name, r)
			}
		}
		if lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"); len(lines) != 3 || !strings.HasSuffix(lines[1], "failure") {
			t.Errorf("%q: got the lines %q, want three", name, lines)
		}
		b.Reset()
		report := rotation.Report{Name: name, Error: name}
		if err := (&program{out: &b, output: outputs()}).write(report); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r != '\n' && !unicode.IsGraphic(r) {
				t.Errorf("%q, as JSON: the terminal gets %q", name, r)
			}
		}
		var back rotation.Report
		if err := json.Unmarshal([]byte(b.String()), &back); err != nil || strings.Count(b.String(), "\n") != 1 || utf8.ValidString(name) && back.Name != name {
			t.Errorf("%q, as JSON: got %q back, %v", name, back.Name, err)
		}
	}
}

func TestTableDropsColumnsThatDoNotFit(t *testing.T) {
	columns := []column{{"SECRET", 0}, {"AGE", 1}, {"STRATEGY", 2}, {"HEALTH", 0}}
	rows := [][]cell{row("pingone/orders", "3d", "single", "ok"), row("pingone/ü", "-", "alternating", "failure")}
	for width, want := range map[int]string{
		0: `SECRET          AGE  STRATEGY     HEALTH
pingone/orders  3d   single       ok
pingone/ü       -    alternating  failure
`,
		40: `SECRET          AGE  HEALTH
pingone/orders  3d   ok
pingone/ü       -    failure
`,
		10: `SECRET          HEALTH
pingone/orders  ok
pingone/ü       failure
`,
	} {
		var b strings.Builder
		p := &page{w: &b, width: width}
		p.table(columns, rows)
		if b.String() != want {
			t.Errorf("width %d: got\n%s\nwant\n%s", width, b.String(), want)
		}
	}
}

func TestLinesAreFoldedAtTheWidthOfTheTerminal(t *testing.T) {
	var b strings.Builder
	p := &page{w: &b, width: 40}
	p.labelled(cell{text: "open"}, 8, "access tokens live until they expire, an hour or so")
	want := `  open      access tokens live until
            they expire, an hour or so
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWhatIsTheSameIsSaidOnce(t *testing.T) {
	got := grouped([]string{"a1", "b1", "a2", "c1", "b2"}, func(s string) string { return s[:1] })
	var words []string
	for _, group := range got {
		words = append(words, strings.Join(group, "+"))
	}
	if want := "a1+a2 b1+b2 c1"; strings.Join(words, " ") != want {
		t.Errorf("got %q, want %q", words, want)
	}
}
