package trial

import (
	"fmt"
	"strings"
	"time"
)

// A Stage is one part of the story.
type Stage struct {
	What     string        `json:"what"`
	Found    string        `json:"found"`          // with fingerprints instead of secrets
	Open     []string      `json:"open,omitempty"` // what an emergency leaves open
	Good     bool          `json:"good"`
	Began    time.Time     `json:"began"`
	Took     time.Duration `json:"tookNs"`
	Requests int           `json:"requests"` // of consumers during the stage
}

// A Page is the result of a trial, to be shown to others.
type Page struct {
	Version     string    `json:"version"`
	Environment string    `json:"environment"`
	Region      string    `json:"awsRegion"`
	Function    string    `json:"function,omitempty"` // the deployed one that took part
	Begun       time.Time `json:"begun"`
	Ended       time.Time `json:"ended"`
	Stages      []Stage   `json:"stages"`
	Requests    int       `json:"requests"` // for a token, by consumers
	Failures    []string  `json:"failures,omitempty"`
	Secrets     int       `json:"secrets"` // that PingOne had for the applications
	Left        []string  `json:"left,omitempty"`
}

// Good reports whether everything went as promised.
func (p Page) Good() bool {
	for _, s := range p.Stages {
		if !s.Good {
			return false
		}
	}
	return len(p.Failures) == 0 && len(p.Left) == 0 && len(p.Stages) > 0
}

// Markdown returns the page for people.
func (p Page) Markdown() string {
	var b strings.Builder
	verdict := "Everything went as promised."
	if !p.Good() {
		verdict = "**Not everything went as promised.**"
	}
	fmt.Fprintf(&b, "# Trial of pingrotate %s\n\n%s\n\n", p.Version, verdict)
	fmt.Fprintf(&b, "Begun at %s, in PingOne environment %s and AWS Region %s, with throw-away applications and secrets. ",
		at(p.Begun), p.Environment, p.Region)
	b.WriteString("Secrets are shown as fingerprints: the first 8 hexadecimal digits of their SHA-256.\n\n")
	b.WriteString("| | | what was done | what was found | took | requests for a token meanwhile |\n|---|---|---|---|---|---|\n")
	for i, s := range p.Stages {
		mark := "as promised"
		if !s.Good {
			mark = "**not as promised**"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %d |\n", i+1, mark, s.What, strings.ReplaceAll(s.Found, "|", "/"), s.Took.Round(100*time.Millisecond), s.Requests)
	}
	for i, s := range p.Stages {
		if len(s.Open) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\nOpen after stage %d, %s:\n\n", i+1, s.What)
		for _, text := range s.Open {
			fmt.Fprintf(&b, "- %s\n", text)
		}
	}
	fmt.Fprintf(&b, "\nTwo consumers of each secret asked PingOne for %d tokens in all, one reading the secret before each request, the other keeping it. "+
		"%d requests failed.", p.Requests, len(p.Failures))
	fmt.Fprintf(&b, " PingOne had %d secrets of the applications in all.\n", p.Secrets)
	for _, f := range p.Failures {
		fmt.Fprintf(&b, "\n- failed: %s", f)
	}
	switch {
	case len(p.Left) == 0 && p.Function == "":
		b.WriteString("\nNothing is left behind but the traces in PingOne's audit log and in CloudTrail.\n")
	case len(p.Left) == 0:
		b.WriteString("\nNothing is left behind but the traces in PingOne's audit log and in CloudTrail, and in the function's register an item and the events of an application that no longer exists.\n")
	default:
		fmt.Fprintf(&b, "\nLeft behind, because it could not be removed: %s.\n", strings.Join(p.Left, ", "))
	}
	b.WriteString("\n" + p.how())
	return b.String()
}

// how says what rotated the secrets, and what the trial left out.
func (p Page) how() string {
	const local = "were run by the operator's command in processes on one machine, which is what can be killed, with a register made for them"
	if p.Function == "" {
		return "The rotations " + local + ". Skipped: a rotation by Secrets Manager through the deployed function, because no function was named; " +
			"`pingrotate trial --function NAME` has it in the trial.\n"
	}
	return "The first secret was rotated by Secrets Manager through the deployed function, " + p.Function + ". The rotations of the second one " + local +
		". Secrets Manager was asked to rotate at once; that it will do the same at the time of its schedule is Secrets Manager's own promise.\n"
}
