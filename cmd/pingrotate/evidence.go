package main

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/register"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// An evidence is one rotation, one rollback, or one act of another run, as the register
// tells it.
type evidence struct {
	SecretID      string         `json:"secretId"`
	Name          string         `json:"name"`
	Version       string         `json:"version"`
	Begun         time.Time      `json:"begun"`
	By            string         `json:"by"`
	Reason        string         `json:"reason,omitempty"`
	Emergency     string         `json:"emergency,omitempty"`
	Decision      string         `json:"decision,omitempty"`
	Old           string         `json:"old,omitempty"` // fingerprint
	New           string         `json:"new,omitempty"` // fingerprint
	Outcome       string         `json:"outcome"`       // promoted, failed, underway, tested, regenerated, ended, or that of an action
	PromotedAt    time.Time      `json:"promotedAt,omitzero"`
	PreviousUntil time.Time      `json:"previousUntil,omitzero"`
	Revoked       string         `json:"revoked,omitempty"` // fingerprint
	Verified      string         `json:"verified,omitempty"`
	Changed       string         `json:"changed,omitempty"` // in PingOne, beside the secret
	Warning       string         `json:"warning,omitempty"`
	Error         string         `json:"error,omitempty"` // of the last step that failed, while it has not been promoted
	Steps         []evidenceStep `json:"steps,omitempty"`
}

type evidenceStep struct {
	Step     string    `json:"step"`
	At       time.Time `json:"at"`
	Decision string    `json:"decision,omitempty"`
	Error    string    `json:"error,omitempty"`
}

const bySecretsManager = "Secrets Manager"

// join puts together what belongs to one rotation, in the order of the beginnings.
func join(all []register.Evidence) []*evidence {
	slices.SortStableFunc(all, func(a, b register.Evidence) int { return a.At.Compare(b.At) })
	found := map[string]*evidence{}
	var joined []*evidence
	for _, r := range all {
		// A rollback makes no version: it goes to one that a rotation made. An act of an
		// audit is of none.
		key := r.Secret + " " + r.Rotation
		if r.Rotation == "" || r.What == rotation.ActionRollback {
			key = r.ID
		}
		e := found[key]
		if e == nil {
			e = &evidence{SecretID: r.Secret, Name: nameOf(r.Secret), Version: r.Rotation, Begun: r.At, By: bySecretsManager, Outcome: "underway"}
			found[key], joined = e, append(joined, e)
		}
		if r.What == rotation.ActionRotate || r.What == rotation.ActionRollback || r.What == rotation.ActionEnd {
			e.addAction(r)
		} else {
			e.addStep(r)
		}
	}
	slices.SortStableFunc(joined, func(a, b *evidence) int { return a.Begun.Compare(b.Begun) })
	nameReplaced(joined)
	return joined
}

// nameReplaced fills in what a rollback replaced: its line names the secret that it
// went back to, and the promotion before it the one that consumers held.
func nameReplaced(all []*evidence) {
	held := map[string]string{}
	for _, e := range all {
		if e.Decision == "rollback" {
			e.Old = cmp.Or(e.Old, held[e.SecretID])
		}
		if !e.PromotedAt.IsZero() {
			held[e.SecretID] = e.New
		}
	}
}

// what returns the decision in words.
func (e *evidence) what() string {
	if strings.Contains(e.Changed, "created application") { // the twin, or the first one
		return e.Decision + ", new application"
	}
	return e.Decision
}

// how returns the outcome in words.
func (e *evidence) how() string {
	switch e.Outcome {
	case "underway":
		return "under way"
	case "tested":
		return "settings tested"
	case string(rotation.RolledBack):
		return "rolled back"
	}
	return e.Outcome
}

func (e *evidence) addStep(r register.Evidence) {
	var step rotation.StepReport
	json.Unmarshal(r.Report, &step) // what was left out as too large says nothing
	made := ""
	if len(r.Fingerprints) > 0 {
		made = r.Fingerprints[0]
	}
	e.Steps = append(e.Steps, evidenceStep{r.What, r.At, r.Decision, step.Error})
	if !step.Begun.IsZero() && step.Begun.Before(e.Begun) {
		e.Begun = step.Begun
	}
	e.Warning, e.Verified, e.Changed = cmp.Or(step.Warning, e.Warning), cmp.Or(step.Verified, e.Verified), cmp.Or(step.Changed, e.Changed)
	if !step.PreviousUntil.IsZero() {
		e.PreviousUntil = step.PreviousUntil
	}
	if made != "" && made != step.Current {
		e.New, e.Old = made, cmp.Or(e.Old, step.Current)
	}
	if r.Rotation == "" {
		e.By = map[bool]string{true: "audit", false: "another run, " + r.What}[r.What == rotation.ActionAudit]
		e.Decision = r.Decision
	}
	switch {
	case !e.PromotedAt.IsZero(): // a step that comes late, or again
	case r.Failed:
		e.Outcome, e.Error = "failed", step.Error
	case r.Decision == rotation.DidPromote:
		e.Outcome, e.Error, e.PromotedAt = "promoted", "", r.At
	case r.Decision == rotation.DidTest:
		e.Outcome, e.Error, e.Old, e.New = "tested", "", "", made
	case r.Decision == rotation.DidEnd || r.Decision == rotation.DidClose:
		e.Outcome, e.Revoked, e.New, e.Old = "ended", made, "", made
	default:
		e.Outcome, e.Error, e.Decision = "underway", "", r.Decision
		if r.Rotation == "" {
			e.Outcome = "regenerated"
		}
	}
}

func (e *evidence) addAction(r register.Evidence) {
	var report rotation.Report
	if json.Unmarshal(r.Report, &report) != nil {
		e.By, e.Outcome = cmp.Or(r.Who, "unknown"), r.Decision
		return
	}
	if report.Begun.Before(e.Begun) {
		e.Begun = report.Begun
	}
	e.By, e.Reason, e.Emergency = cmp.Or(report.By, "unknown"), report.Reason, string(report.Emergency)
	e.Outcome, e.Error = string(report.Outcome), report.Error
	if report.Revoked != nil {
		e.Revoked, e.PreviousUntil = report.Revoked.Fingerprint, time.Time{} // it was ended before
	}
	e.Old, e.Decision = cmp.Or(e.Old, report.Replaced), cmp.Or(report.Decision, e.Decision)
	switch report.Action {
	case rotation.ActionRollback:
		e.Decision = report.Action
	case rotation.ActionEnd:
		e.Decision, e.Old = rotation.DidEnd, e.Revoked
	}
	if report.Promoted != nil {
		e.New = report.Promoted.Fingerprint
		e.PromotedAt = report.Promoted.At
	}
	if !report.PreviousUntil.IsZero() && e.Revoked == "" {
		e.PreviousUntil = report.PreviousUntil
	}
	e.Verified, e.Warning = cmp.Or(strings.Join(report.Verified, "; "), e.Verified), cmp.Or(strings.Join(report.Warnings, "; "), e.Warning)
}

// nameOf returns the name in a secret's ARN, without the six characters at its end.
func nameOf(secret string) string {
	parsed, err := arn.Parse(secret)
	if err != nil {
		return secret
	}
	name := strings.TrimPrefix(parsed.Resource, "secret:")
	return name[:max(0, len(name)-len("-a1B2c3"))]
}
