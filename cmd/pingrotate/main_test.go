package main

import (
	"flag"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/rotation"
)

func TestHelpNamesEachFlagAndNoOther(t *testing.T) {
	mentioned := regexp.MustCompile(`(?m)(?:^|[ \[|])(--?[a-z][a-z-]*)`)
	for _, c := range commands() {
		flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
		c.declare(flags)
		var declared []string
		flags.VisitAll(func(f *flag.Flag) { declared = append(declared, dashed(f.Name)) })
		examples := strings.Index(c.usage, "\nExample")
		help := c.usage
		if examples > 0 {
			help = c.usage[:examples]
		}
		for _, name := range declared {
			if !regexp.MustCompile(`(?m)^    ` + name + `[ \n]`).MatchString(help) {
				t.Errorf("%s: the help does not explain %s", c.name, name)
			}
		}
		for _, m := range mentioned.FindAllStringSubmatch(help, -1) {
			if !slices.Contains(declared, m[1]) {
				t.Errorf("%s: the help names %s, which there is not", c.name, m[1])
			}
		}
		if !strings.HasPrefix(c.usage, "Usage:\n    pingrotate "+c.name) {
			t.Errorf("%s: the help does not begin with the usage", c.name)
		}
		for _, line := range strings.Split(c.usage, "\n") {
			if len(line) > 110 {
				t.Errorf("%s: the help has a line of %d bytes: %s", c.name, len(line), line)
			}
		}
	}
}

func TestFlagsStandBeforeBetweenAndAfterArguments(t *testing.T) {
	for _, tt := range []struct {
		args     []string
		rest     string
		yes      bool
		reason   string
		problems bool
	}{
		{[]string{"a", "b"}, "a b", false, "", false},
		{[]string{"--yes", "a", "--reason", "r", "b"}, "a b", true, "r", false},
		{[]string{"a", "b", "--yes", "--reason=r"}, "a b", true, "r", false},
		{[]string{"a", "--", "--yes"}, "a --yes", false, "", false},
		{[]string{"--", "a", "-x"}, "a -x", false, "", false},
		{[]string{"a", "--reason"}, "", false, "", true},
		{[]string{"a", "b", "c"}, "", false, "", true},
		{nil, "", false, "", true},
	} {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		yes, reason := flags.Bool("yes", false, ""), flags.String("reason", "", "")
		rest, err := parse(flags, arity{1, 2, "SECRET"}, tt.args)
		if (err != nil) != tt.problems {
			t.Errorf("%q: got error %v", tt.args, err)
		}
		if err == nil && (strings.Join(rest, " ") != tt.rest || *yes != tt.yes || *reason != tt.reason) {
			t.Errorf("%q: got %q, yes %t, reason %q", tt.args, rest, *yes, *reason)
		}
	}
}

func TestTimesAreWrittenInOneUnit(t *testing.T) {
	now := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "in 0s", 59 * time.Second: "in 59s", 90 * time.Minute: "in 1h", 47 * time.Hour: "in 47h", 72 * time.Hour: "in 3d", -72 * time.Hour: "3d ago",
	} {
		if got := until(now.Add(d), now); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	if got := ago(time.Time{}, now) + until(time.Time{}, now); got != "--" {
		t.Errorf("no time: got %s, want dashes", got)
	}
}

func TestReportOfALeakThatIsOpenSaysSoFirst(t *testing.T) {
	var b strings.Builder
	begun := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	err := tellReport(&b, "given", rotation.Report{
		Name: "pingone/orders", Outcome: rotation.Open, Begun: begun, Ended: begun.Add(1500 * time.Millisecond),
		Promoted:  &rotation.Mark{Fingerprint: "bbbbbbbb", At: begun.Add(time.Second)},
		Error:     "revoke the leaked secret: PingOne answered 503",
		StillOpen: []string{"the leaked secret may still obtain tokens; run the same command again, and what it has done so far stays done"},
	})
	want := `pingone/orders: THE LEAKED SECRET MAY STILL WORK, 1.5s
  promoted   bbbbbbbb  2026-11-24T01:00:01Z
  because    revoke the leaked secret: PingOne answered 503
  open       the leaked secret may still obtain tokens; run the same command again, and what it has
             done so far stays done
`
	if err != nil || b.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestNothingThatIsShownSteersTheTerminal(t *testing.T) {
	var b strings.Builder
	const text = "a\tb \x1b[2Jc\u009bd\r\x07 …█\n"
	n, err := printable{&b}.Write([]byte(text))
	if want := "a\tb ?[2Jc?d?? …█\n"; err != nil || n != len(text) || b.String() != want {
		t.Errorf("got %d, %v, %q, want %d, %q", n, err, b.String(), len(text), want)
	}
}
