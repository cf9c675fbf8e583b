package main

import (
	"strings"
	"testing"
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
