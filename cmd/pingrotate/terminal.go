package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// errNotConfirmed is the answer no before anything has begun.
var errNotConfirmed = errors.New("not confirmed; nothing was done")

// confirm asks a person to type a word before something that cannot be undone. Without
// a terminal there is no one to ask, and --yes has to say it.
func (p *program) confirm(c *cobra.Command, question, word string, yes bool) error {
	if yes {
		return nil
	}
	if err := p.mayAsk(c); err != nil {
		return err
	}
	fmt.Fprintf(printable{p.err}, "%s\nType %s to continue: ", question, word)
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
			return errNotConfirmed
		}
		return nil
	case <-c.Context().Done():
		return c.Context().Err()
	}
}

// mayAsk returns an error where there is no one to ask.
func (p *program) mayAsk(c *cobra.Command) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return misuse(c, "there is no terminal to ask on; confirm with --yes")
	}
	return nil
}

// busy says on standard error what takes time until done is called: on a terminal in
// one line that counts the seconds and then disappears, elsewhere in a line that stays.
func (p *program) busy(what string) (done func()) { return p.busyLong(what, "") }

// patienceOfPeople is after what time a person wants to know what takes so long.
const patienceOfPeople = 10 * time.Second

// busyLong is [program.busy] for what may take long, and says why once it does.
func (p *program) busyLong(what, why string) (done func()) {
	terminal := p.errTTY && !p.quiet
	if !terminal {
		p.note("%s", what)
		if why == "" || p.quiet {
			return func() {}
		}
	}
	what = strings.Map(harmless, what)
	begun := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		late := time.NewTimer(patienceOfPeople)
		defer late.Stop()
		for {
			if terminal {
				line := fmt.Sprintf("%s, %d s", what, int(time.Since(begun).Seconds()))
				fmt.Fprintf(p.err, "\r%s\x1b[K", first(line, p.errWide-1))
			}
			select {
			case <-tick.C:
			case <-late.C:
				if why != "" {
					if terminal {
						fmt.Fprint(p.err, "\r\x1b[K")
					}
					p.note("%s: %s", what, why)
				}
			case <-stop:
				if terminal {
					fmt.Fprint(p.err, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// wait waits, unless the context is done first.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
