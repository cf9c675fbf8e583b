package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pingrotate/rotation"
)

const statusUsage = `Usage:
    pingrotate status [SECRET...] [-o text|json]

Shows every secret that the function rotates, or those that are named: its
application, strategy, age, next rotation, staging labels, until when the secret
before is accepted and when it was last used, and how it is. It changes nothing and
shows no value. Below the table stands what is not well, and what to do.

` + outputUsage + localUsage + accountUsage + `
Examples:
    pingrotate status
    pingrotate status -o json | jq -r 'select(.state != "ok") | .name'

Exit status 1 says that a secret fails, or could not be looked at.
`

const auditUsage = `Usage:
    pingrotate audit [-o text|json]

Looks at every secret that the function rotates, as status does, and completes what
an interrupted run has left: the revocation of a leaked secret, and of a previous
secret that nobody uses where rotation.revokeWhenIdle says so. Says what it did. The
function does the same on its schedule, and sends metrics.

` + outputUsage + localUsage + accountUsage + `
Example:
    pingrotate audit

Exit status 1 says that a secret fails, or could not be looked at.
`

func statusFlags(flags *flag.FlagSet) runner {
	var a account
	a.declareLocal(flags)
	output := outputFlag(flags)
	return func(ctx context.Context, secrets []string, stdout io.Writer) error {
		return audit(ctx, "status", &a, rotation.Action{Action: rotation.ActionAudit, ReadOnly: true}, secrets, output, stdout)
	}
}

func auditFlags(flags *flag.FlagSet) runner {
	var a account
	a.declareLocal(flags)
	output := outputFlag(flags)
	return func(ctx context.Context, _ []string, stdout io.Writer) error {
		return audit(ctx, "audit", &a, rotation.Action{Action: rotation.ActionAudit}, nil, output, stdout)
	}
}

// audit shows the secrets that are named, or all.
func audit(ctx context.Context, command string, account *account, a rotation.Action, secrets []string, output *choice, stdout io.Writer) error {
	if err := account.open(ctx); err != nil {
		return err
	}
	call, err := account.caller(ctx)
	if err != nil {
		return err
	}
	if !a.ReadOnly {
		a.By = account.by(ctx)
	}
	all, err := auditAll(ctx, call, a)
	slices.SortFunc(all, func(a, b rotation.Health) int { return strings.Compare(a.Name, b.Name) })
	shown := pick(all, secrets)
	failing := 0
	for _, h := range shown {
		if h.State == rotation.Failure {
			failing++
		}
		if output.value == "json" {
			if err := writeJSON(stdout, h); err != nil {
				return err
			}
		}
	}
	if output.value == "text" && (len(shown) > 0 || err == nil && len(secrets) == 0) {
		if err := tellHealth(stdout, shown, time.Now()); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	for _, secret := range secrets {
		if len(pick(shown, []string{secret})) == 0 {
			return fmt.Errorf("%s: the function %s rotates no secret %s; pingrotate status shows those that it does", command, account.function, secret)
		}
	}
	if failing > 0 {
		return fmt.Errorf("%s: %d of %d secrets fail; what to do stands beside each", command, failing, len(shown))
	}
	return nil
}

// auditAll asks until every secret is reached. What was reached before an error is
// returned with it. A secret may come twice, when it becomes urgent in between.
func auditAll(ctx context.Context, call caller, a rotation.Action) ([]rotation.Health, error) {
	var all []rotation.Health
	known := map[string]int{}
	for {
		what := "looking at the secrets"
		if len(all) > 0 {
			what = fmt.Sprintf("looking at the secrets, %d so far", len(all))
		}
		done := busy(what)
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
			return all, fmt.Errorf("%d secrets were not reached, because the function's time suffices for none; raise its timeout to 60 s", report.NotReached)
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

// tellHealth writes the table, and below it what is not well or was completed.
func tellHealth(w io.Writer, secrets []rotation.Health, now time.Time) error {
	s := story{w: w}
	if len(secrets) == 0 {
		s.say("No secret names this function as its own. pingrotate adopt --help says how to make one.")
		return s.err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SECRET\tAPPLICATION\tSTRATEGY\tCURRENT\tAGE\tNEXT\tLABELS\tPREVIOUS ENDS\tLAST USED\tHEALTH")
	for _, h := range secrets {
		strategy := h.Strategy
		if h.Kind == "resource" {
			strategy = "resource"
		}
		used := ago(h.PreviousLastUsed, now)
		if used != "-" {
			used += " ago"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.Name, dash(first(h.ApplicationID, 8)), dash(strategy), dash(h.Current),
			ago(h.CurrentSince, now), until(h.NextRotation, now), labels(h.Labels), until(h.PreviousUntil, now), used, h.State)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, h := range secrets {
		if len(h.Findings)+len(h.Done) == 0 {
			continue
		}
		s.say("\n%s", h.Name)
		tellFindings(&s, h.Findings)
		for _, done := range h.Done {
			s.say("  %-7s  %s", "done", done)
		}
	}
	return s.err
}

// labels names the staging labels but for those that say nothing: every secret has
// AWSCURRENT and AWSPREVIOUS, and AWSPENDING may stay where AWSCURRENT has moved.
func labels(all map[string]string) string {
	var shown []string
	for _, label := range slices.Sorted(maps.Keys(all)) {
		if label != "AWSCURRENT" && label != "AWSPREVIOUS" && (label != "AWSPENDING" || all[label] != all["AWSCURRENT"]) {
			shown = append(shown, label)
		}
	}
	return dash(strings.Join(shown, " "))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// first returns the first n bytes of an ASCII text.
func first(s string, n int) string { return s[:min(n, len(s))] }
