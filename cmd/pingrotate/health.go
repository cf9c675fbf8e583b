package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// audit carries an audit out and shows the secrets that are named, or all.
func (p *program) audit(c *cobra.Command, a rotation.Action, secrets []string) error {
	ctx := c.Context()
	call, err := p.call(ctx)
	if err != nil {
		return err
	}
	if !a.ReadOnly {
		a.By = p.by(ctx)
	}
	all, err := p.auditAll(ctx, call, a)
	slices.SortFunc(all, func(a, b rotation.Health) int { return strings.Compare(a.Name, b.Name) })
	shown := pick(all, secrets)
	failing := 0
	for _, h := range shown {
		if h.State == rotation.Failure {
			failing++
		}
		if p.json() {
			if err := p.write(h); err != nil {
				return err
			}
		}
	}
	if !p.json() && (len(shown) > 0 || err == nil && len(secrets) == 0) {
		if err := tellHealth(p.page(), shown, p.clock.time()); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name(), err)
	}
	for _, secret := range secrets {
		if len(pick(shown, []string{secret})) == 0 {
			var names []string
			for _, h := range all {
				names = append(names, h.Name)
			}
			return remedy.Errorf("pingrotate status shows those that it does"+nearest(secret, names), "%s: the function %s rotates no secret %s", c.Name(), p.function, secret)
		}
	}
	if failing > 0 {
		return remedy.Errorf("what to do is below the table", "%s: %d of %d secrets fail", c.Name(), failing, len(shown))
	}
	return nil
}

// auditAll asks until every secret is reached. What was reached before an error is
// returned with it. A secret may come twice, when it becomes urgent in between.
func (p *program) auditAll(ctx context.Context, call campaign.Call, a rotation.Action) ([]rotation.Health, error) {
	var all []rotation.Health
	known := map[string]int{}
	for {
		what := "looking at the secrets"
		if len(all) > 0 {
			what = fmt.Sprintf("looking at the secrets, %d so far", len(all))
		}
		done := p.busy(what)
		raw, err := call(ctx, a)
		done()
		if err != nil {
			return all, err
		}
		report, err := readJSON[rotation.AuditReport](raw)
		if err != nil {
			return all, err
		}
		before := len(all)
		for _, h := range report.Secrets {
			i, again := known[h.SecretID]
			if !again {
				i, all = len(all), append(all, h)
				known[h.SecretID] = i
			}
			all[i] = h
		}
		switch {
		case report.Error != "":
			return all, errors.New(report.Error)
		case report.Next == "" && report.NotReached > 0:
			return all, fmt.Errorf("%d secrets were not reached", report.NotReached)
		case report.Next == "":
			return all, nil
		case len(all) == before:
			return all, remedy.Errorf("raise its timeout to 60 s", "%d secrets were not reached, because the function's time suffices for none", report.NotReached)
		}
		a.After = report.Next
	}
}

// pick returns the secrets that are named, by name or ARN; all if none is.
func pick(all []rotation.Health, secrets []string) []rotation.Health {
	if len(secrets) == 0 {
		return all
	}
	var some []rotation.Health
	for _, h := range all {
		if slices.Contains(secrets, h.Name) || slices.Contains(secrets, h.SecretID) {
			some = append(some, h)
		}
	}
	return some
}

// healthColumns are those of the table. On a narrow terminal the first to go are those
// that say least about whether a secret is well.
var healthColumns = []column{{"SECRET", 0}, {"APPLICATION", 6}, {"STRATEGY", 7}, {"CURRENT", 3}, {"AGE", 4},
	{"NEXT", 2}, {"LABELS", 1}, {"PREVIOUS ENDS", 5}, {"LAST USED", 8}, {"HEALTH", 0}}

// tellHealth writes the table, and below it what is not well or was completed. What is
// the same with several secrets is said once.
func tellHealth(p *page, secrets []rotation.Health, now time.Time) error {
	if len(secrets) == 0 {
		p.say("No secret names this function as its own. pingrotate adopt --help says how to make one.")
		return p.err
	}
	var rows [][]cell
	for _, h := range secrets {
		strategy := h.Strategy
		if h.Kind == "resource" {
			strategy = "resource"
		}
		used := ago(h.PreviousLastUsed, now)
		if used != "-" {
			used += " ago"
		}
		cells := row(h.Name, dash(first(h.ApplicationID, 8)), dash(strategy), dash(h.Current), ago(h.CurrentSince, now),
			until(h.NextRotation, now), labels(h.Labels), until(h.PreviousUntil, now), used, string(h.State))
		cells[len(cells)-1].style = moods[h.State]
		if onlyDetached(h) {
			cells[len(cells)-1] = cell{text: detached}
		}
		rows = append(rows, cells)
	}
	p.table(healthColumns, rows)
	for _, alike := range grouped(secrets, notes) {
		if len(alike[0].Findings)+len(alike[0].Done) == 0 {
			continue
		}
		var names []string
		for _, h := range alike {
			names = append(names, h.Name)
		}
		p.say("\n%s", enumerated(names))
		if onlyDetached(alike[0]) {
			p.folded([]cell{{text: detached}}, []int{len(detached)}, told(alike[0].Findings[0]), p.width)
		} else {
			tellFindings(p, alike[0].Findings)
		}
		for _, done := range alike[0].Done {
			p.labelled(cell{"done", green}, 7, done)
		}
	}
	return p.err
}

// detached is the health of a secret whose rotation was ended, and that is well otherwise.
const detached = "detached"

func onlyDetached(h rotation.Health) bool {
	return h.RotationOff && h.State == rotation.Warning && len(h.Findings) == 1
}

// notes returns what is said of a secret below the table.
func notes(h rotation.Health) string {
	text := strings.Join(h.Done, "\n")
	for _, f := range h.Findings {
		text += "\n" + string(f.State) + f.Point + told(f)
	}
	return text
}

// labels names the staging labels except those that say nothing: every secret has
// AWSCURRENT and AWSPREVIOUS, and AWSPENDING and the function's own labels may stay where
// AWSCURRENT has moved.
func labels(all map[string]string) string {
	var shown []string
	for _, label := range slices.Sorted(maps.Keys(all)) {
		passing := label == "AWSPENDING" || strings.HasPrefix(label, "PINGROTATE")
		if label != "AWSCURRENT" && label != "AWSPREVIOUS" && (!passing || all[label] != all["AWSCURRENT"]) {
			shown = append(shown, label)
		}
	}
	return dash(strings.Join(shown, " "))
}
