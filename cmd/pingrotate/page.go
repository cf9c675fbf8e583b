package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A printable passes on what people can read, and a question mark in place of what
// would steer their terminal: names, reasons and errors come from elsewhere.
type printable struct{ w io.Writer }

func (p printable) Write(text []byte) (int, error) {
	if n, err := p.w.Write(bytes.Map(harmless, text)); err != nil {
		return min(n, len(text)), err
	}
	return len(text), nil
}

// harmless also withholds what cannot be seen and what changes the direction of the text
// around it: a name could pass for another with these.
func harmless(r rune) rune {
	if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
		return '?'
	}
	return r
}

// inRow keeps a text in its row: a name with a line break would start another.
func inRow(r rune) rune {
	if r == '\n' || r == '\t' {
		return ' '
	}
	return r
}

// A page is output for people. It keeps the first error of writing it.
type page struct {
	w      io.Writer
	width  int // columns; 0 where the output is no terminal, and lines may have any length
	colour bool
	err    error
}

// A cell is a piece of a line, with a style.
type cell struct {
	text  string
	style style
}

type style string

const (
	plain  style = ""
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	alarm  style = "1;31"
)

// say writes a line.
func (p *page) say(format string, args ...any) { p.line(cell{text: fmt.Sprintf(format, args...)}) }

// line writes the cells as one line, or as many as their text has.
func (p *page) line(cells ...cell) {
	if p.err != nil {
		return
	}
	var b bytes.Buffer
	for _, c := range cells {
		if p.colour && c.style != plain {
			fmt.Fprintf(&b, "\x1b[%sm", c.style)
		}
		fmt.Fprint(printable{&b}, c.text)
		if p.colour && c.style != plain {
			b.WriteString("\x1b[0m")
		}
	}
	b.WriteByte('\n')
	_, p.err = p.w.Write(b.Bytes())
}

// labelled writes a text beside a label of the width, folded where the line would be
// too long.
func (p *page) labelled(label cell, width int, text string) {
	wide := p.width
	if wide == 0 {
		wide = 100
	}
	p.folded([]cell{label}, []int{width}, text, wide)
}

// folded writes a text beside labels of the widths, in lines so wide; 0 folds nothing.
func (p *page) folded(labels []cell, widths []int, text string, wide int) {
	text = strings.Map(inRow, text)
	var head []cell
	indent := 2
	for i, label := range labels {
		gap := max(0, widths[i]-utf8.RuneCountInString(label.text)) + 2
		head = append(head, label, cell{text: strings.Repeat(" ", gap)})
		indent += widths[i] + 2
	}
	lines := []string{text}
	if wide > 0 {
		lines = fold(text, max(wide-indent, 20))
	}
	for i, line := range lines {
		if i == 0 {
			p.line(slices.Concat([]cell{{text: "  "}}, head, row(line))...)
		} else {
			p.say("%*s%s", indent, "", line)
		}
	}
}

// A column of a table. One that may go is left out where the terminal is too narrow.
type column struct {
	title string
	goes  int // the highest first; 0 stays
}

// table writes rows below the titles of their columns. A row has a cell for each.
func (p *page) table(columns []column, rows [][]cell) {
	for _, row := range rows {
		for i := range row {
			row[i].text = strings.Map(inRow, row[i].text)
		}
	}
	widths := make([]int, len(columns))
	shown := make([]bool, len(columns))
	total := -2
	for i, c := range columns {
		widths[i], shown[i] = utf8.RuneCountInString(c.title), true
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
		total += widths[i] + 2
	}
	for p.width > 0 && total > p.width {
		least := -1
		for i, c := range columns {
			if shown[i] && c.goes > 0 && (least < 0 || c.goes > columns[least].goes) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		shown[least] = false
		total -= widths[least] + 2
	}
	last := len(columns) - 1
	for !shown[last] {
		last--
	}
	write := func(row []cell) {
		var line []cell
		for i, c := range row[:last+1] {
			if !shown[i] {
				continue
			}
			gap := ""
			if i < last {
				gap = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2)
			}
			line = append(line, c, cell{text: gap})
		}
		p.line(line...)
	}
	if columns[0].title != "" {
		var titles []cell
		for _, c := range columns {
			titles = append(titles, cell{text: c.title})
		}
		write(titles)
	}
	for _, row := range rows {
		write(row)
	}
}

// row makes cells without style.
func row(texts ...string) []cell {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i].text = text
	}
	return cells
}

// fold breaks a text into lines of the width, at spaces.
func fold(text string, width int) []string {
	var lines []string
	for len(text) > width {
		at := strings.LastIndexByte(text[:width+1], ' ')
		if at <= 0 {
			break
		}
		lines, text = append(lines, text[:at]), text[at+1:]
	}
	return append(lines, text)
}

// oneLine joins the lines of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// first returns the first n bytes of an ASCII text, last the last n.
func first(s string, n int) string { return s[:min(n, len(s))] }
func last(s string, n int) string  { return s[max(0, len(s)-n):] }

// counted writes a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
