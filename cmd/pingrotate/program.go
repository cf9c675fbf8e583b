package main

import (
	"fmt"
	"io"
	"os"

	"pingrotate/internal/remedy"

	"golang.org/x/term"
)

// A program is what all commands share: the flags that each of them has, and where
// its output goes.
type program struct {
	account
	clock  clock
	output choice
	quiet  bool

	out, err       io.Writer
	outTTY, errTTY bool
	outWide        int // columns of the terminal; 0 where there is none
	errWide        int
	colour         bool // on standard output
}

func newProgram(stdout, stderr *os.File) *program {
	p := &program{output: outputs(), out: stdout, err: stderr}
	p.outWide, p.outTTY = columns(stdout)
	p.errWide, p.errTTY = columns(stderr)
	p.colour = p.outTTY && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return p
}

// outputs are the values of -o.
func outputs() choice { return choice{"text", []string{"text", "json"}} }

// columns returns the width of a terminal, and whether the file is one.
func columns(f *os.File) (int, bool) {
	if !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	wide, _, err := term.GetSize(int(f.Fd()))
	if err != nil || wide < 20 {
		wide = 80
	}
	return wide, true
}

// json reports whether the output is for programs.
func (p *program) json() bool { return p.output.value == "json" }

// page returns standard output, for people.
func (p *program) page() *page { return &page{w: p.out, width: p.outWide, colour: p.colour} }

// write writes a value to standard output as one line of JSON.
func (p *program) write(v any) error { return writeJSON(printable{p.out}, v) }

// note says something that helps and may be missed: --quiet leaves it out.
func (p *program) note(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(printable{p.err}, "pingrotate: "+format+"\n", args...)
	}
}

// warn says something that --quiet does not leave out.
func (p *program) warn(format string, args ...any) {
	fmt.Fprintf(printable{p.err}, "pingrotate: "+format+"\n", args...)
}

// fail says why the command failed, in one line.
func (p *program) fail(err error) { p.warn("%s", oneLine(remedy.Text(err))) }
