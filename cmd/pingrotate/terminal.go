package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
)

// A printable passes on what people can read, and a question mark in place of what
// would steer their terminal: names, reasons and errors come from elsewhere.
type printable struct{ w io.Writer }

func (p printable) Write(text []byte) (int, error) {
	clean := bytes.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, text)
	if n, err := p.w.Write(clean); err != nil {
		return min(n, len(text)), err
	}
	return len(text), nil
}

// confirm asks a person to type a word before something that cannot be undone.
// Without a terminal there is nobody to ask, and --yes has to say it.
func confirm(ctx context.Context, command, question, word string, yes bool) error {
	if yes {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return usageError{command, "there is no terminal to ask on; confirm with --yes"}
	}
	fmt.Fprintf(os.Stderr, "%s\nType %s to go on: ", question, word)
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1) // the read cannot be interrupted; Ctrl-C leaves it behind
	go func() {
		text, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
		typed <- line{text, err}
	}()
	select {
	case l := <-typed:
		if strings.TrimSpace(l.text) != word {
			return errors.New("not confirmed; nothing was done")
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// busy says on standard error what takes time until done is called: on a terminal
// in one line that counts the seconds and then goes away, elsewhere in a line that
// stays.
func busy(what string) (done func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		log.Print(what)
		return func() {}
	}
	begun := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			fmt.Fprintf(os.Stderr, "\r%s, %d s\x1b[K", what, int(time.Since(begun).Seconds()))
			select {
			case <-tick.C:
			case <-stop:
				fmt.Fprint(os.Stderr, "\r\x1b[K")
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// short writes a duration in its largest unit.
func short(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// ago writes how long ago something was, and in how long something will be. A time
// that is not known is a dash.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return short(now.Sub(t))
}

func until(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.Before(now):
		return short(now.Sub(t)) + " ago"
	}
	return "in " + short(t.Sub(now))
}
