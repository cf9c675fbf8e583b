package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// A rotating is what rotate is asked to do. Its fields are flags.
type rotating struct {
	*program
	emergency choice
	reason    string
	wait      span
	yes       bool
	dryRun    bool
	targets   bool // rotate what a leaked admin could read, too
	fleet     fleetFlags
}

// one rotates one secret.
func (r *rotating) one(c *cobra.Command, secret string) error {
	ctx := c.Context()
	action := rotation.Action{Action: rotation.ActionRotate, SecretID: secret, Emergency: rotation.Emergency(r.emergency.value), Reason: r.reason}
	if err := valid(action); err != nil {
		return misuse(c, "%v", err)
	}
	call, err := r.call(ctx)
	if err != nil {
		return err
	}
	if action.Emergency != "" {
		if err := r.confirmEmergency(c, call, action, false); err != nil {
			return err
		}
	}
	action.By = r.by(ctx)
	action.ClientRequestToken = rotation.NewToken()
	raw, report, err := r.rotateOne(ctx, call, action, "rotating", time.Duration(r.wait))
	if err != nil {
		return fmt.Errorf("rotate %s: %w", secret, err)
	}
	if r.json() {
		err = r.write(raw)
	} else {
		err = tellReport(r.page(), secret, report)
	}
	if err == nil && bad(report.Outcome) {
		r.suggest(ctx, secret, report.Error)
		err = fmt.Errorf("rotate %s: %s; the report says why", secret, headline(report))
	}
	return err
}

// previewLimit is how long an emergency that needs no answer waits for its preview.
const previewLimit = 5 * time.Second

// confirmEmergency shows what an emergency is about, and asks. With --yes it does not ask,
// and the leak waits for the preview no longer than previewLimit. Of a secret that there is
// none of it asks nothing, and nothing of one that is no admin's where it should be.
func (r *rotating) confirmEmergency(c *cobra.Command, call campaign.Call, a rotation.Action, admin bool) error {
	ctx := c.Context()
	if !r.yes {
		if err := r.mayAsk(c); err != nil {
			return err
		}
	} else {
		if r.quiet && !admin {
			return nil
		}
		if !admin {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, previewLimit)
			defer cancel()
		}
	}
	about := &page{w: printable{r.err}, width: r.errWide}
	if !r.quiet || !r.yes {
		about.say("An emergency of %s, in %s.", a.SecretID, r.where(ctx))
	}
	a.Preview = true
	done := r.busy("looking at what it is about")
	raw, err := call(ctx, a)
	done()
	var report rotation.Report
	if err == nil {
		report, err = readJSON[rotation.Report](raw)
	}
	switch {
	case c.Context().Err() != nil:
		return c.Context().Err()
	case ctx.Err() != nil:
		r.warn("what it is about was not known after %v; the emergency begins", previewLimit)
	case err != nil && admin:
		return fmt.Errorf("rotate %s: %w", a.SecretID, err)
	case err != nil:
		r.warn("what it is about cannot be shown: %s", oneLine(remedy.Text(err)))
	case isAbsent(report.Error):
		return r.absent(c.Context(), "rotate", a.SecretID)
	case report.Preview == nil:
		r.warn("what it is about cannot be shown: %s", oneLine(report.Error))
	case admin && !report.Preview.Admin:
		return noTargets(a.SecretID)
	case !r.quiet || !r.yes:
		tellLabelled(about, foretold(a, report, r.targets))
	}
	if r.yes {
		return nil
	}
	question := fmt.Sprintf("This ends the secret that consumers of %s hold as soon as there is a new one. Those that keep it in a cache fail until they read again.", a.SecretID)
	if a.Emergency == rotation.Contain {
		question = fmt.Sprintf("This ends the secret that consumers of %s hold at once. All of them fail until they have read the new one.", a.SecretID)
	}
	return r.confirm(c, question, a.SecretID, false)
}

// A labelled text is a line of a preview.
type labelled struct{ label, text string }

// tellLabelled writes lines of a preview.
func tellLabelled(p *page, lines []labelled) {
	for _, l := range lines {
		p.folded([]cell{{text: l.label}}, []int{9}, l.text, p.width)
	}
}

// foretold says what a preview shows, line by line.
func foretold(a rotation.Action, report rotation.Report, withTargets bool) (lines []labelled) {
	p := report.Preview
	say := func(label, format string, args ...any) {
		lines = append(lines, labelled{label, fmt.Sprintf(format, args...)})
	}
	say("secret", "%s", report.SecretID)
	say("client", "%s", clientOf(p))
	say("must die", "%s", strings.Join(p.MustDie, ", "))
	if len(p.Holders) > 0 {
		say("also held", "by %s: consumers of that get the new secret in the same run", enumerated(p.Holders))
	}
	switch {
	case p.Kind == "resource":
		say("breaks", "introspection by a resource server that keeps the secret, until it reads the new one")
	case a.Emergency == rotation.Contain:
		say("breaks", "every consumer, for the seconds until the new secret is stored, and then until it reads that")
	default:
		say("breaks", "consumers that keep the secret in a cache, until they read again; the others not at all")
	}
	if p.Admin {
		follow := "--with-targets rotates them as well"
		if withTargets {
			follow = "they are rotated after it, as the same emergency"
		}
		say("admin", "it could read the secrets of %s; %s", counted(len(p.Targets.All), "managed secret"), follow)
	}
	if !p.OpenSince.IsZero() {
		say("open", "an emergency of this client since %s, to which this adds", p.OpenSince.UTC().Format(time.RFC3339))
	}
	if p.Disabled {
		say("note", "the application is disabled: it gets a new secret, and the emergency stays open until it is enabled")
	}
	if p.Rotating {
		say("note", "a rotation is under way, which this overtakes")
	}
	if p.Replica != "" && a.Emergency == rotation.Swift {
		say("note", "the replica in %s lags, and swift waits for it", p.Replica)
	}
	if !p.BusyUntil.IsZero() && a.Emergency == rotation.Swift {
		say("note", "another run is at work, which swift waits for, up to 30 s")
	}
	if !p.KnownFrom.IsZero() {
		say("note", "the client is new to the register, so nothing is sent before %s", p.KnownFrom.UTC().Format(time.RFC3339))
	}
	for _, w := range report.Warnings {
		say("warning", "%s", w)
	}
	return lines
}
