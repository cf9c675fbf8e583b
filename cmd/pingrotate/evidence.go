package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// An evidence is one rotation, or one rollback, as the log tells it.
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
	Outcome       string         `json:"outcome"`       // promoted, failed, underway, tested, or that of an action
	PromotedAt    time.Time      `json:"promotedAt,omitzero"`
	PreviousUntil time.Time      `json:"previousUntil,omitzero"`
	Revoked       string         `json:"revoked,omitempty"` // fingerprint
	Verified      string         `json:"verified,omitempty"`
	Changed       string         `json:"changed,omitempty"` // in PingOne, beside the secret
	Warning       string         `json:"warning,omitempty"`
	Error         string         `json:"error,omitempty"` // of the last step that failed, while it has not been promoted
	Steps         []evidenceStep `json:"steps"`
}

type evidenceStep struct {
	Step     string    `json:"step"`
	At       time.Time `json:"at"`
	Decision string    `json:"decision,omitempty"`
	Error    string    `json:"error,omitempty"`
}

const bySecretsManager = "Secrets Manager"

// join puts together what belongs to one version, in the order of the beginnings.
func join(lines []entry) []*evidence {
	slices.SortStableFunc(lines, func(a, b entry) int { return a.at.Compare(b.at) })
	found := map[string]*evidence{}
	var all []*evidence
	for _, l := range lines {
		if l.Version == "" || l.Action != "" && l.Action != "rotate" && l.Action != "rollback" {
			continue
		}
		// A rollback makes no version: it goes to one that a rotation made.
		key := l.Version
		if l.Action == "rollback" {
			key += " " + l.at.String()
		}
		e := found[key]
		if e == nil {
			begun := l.at.Add(-time.Duration(l.DurationMs) * time.Millisecond)
			e = &evidence{SecretID: l.SecretID, Version: l.Version, Begun: begun, By: bySecretsManager, Outcome: "underway"}
			found[key], all = e, append(all, e)
		}
		if arn.IsARN(l.SecretID) { // an action's steps have the name that was given
			e.SecretID = l.SecretID
		}
		e.Name = nameOf(e.SecretID)
		if l.Action != "" {
			e.addAction(l)
		} else {
			e.addStep(l)
		}
	}
	slices.SortStableFunc(all, func(a, b *evidence) int { return a.Begun.Compare(b.Begun) })
	nameReplaced(all)
	return all
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

func (e *evidence) addStep(l entry) {
	e.Steps = append(e.Steps, evidenceStep{l.Step, l.at, l.Decision, l.Error})
	if l.Step == "createSecret" && l.Decision != "" && l.Decision != "already stored" && l.Decision != "already promoted" {
		e.Decision = l.Decision
	}
	if l.Pending != "" && l.Pending != l.Current {
		e.New, e.Old = l.Pending, cmp.Or(e.Old, l.Current) // once it is promoted, current is the new one
	}
	e.Warning, e.Verified, e.Changed = cmp.Or(l.Warning, e.Warning), cmp.Or(l.Verified, e.Verified), cmp.Or(l.Changed, e.Changed)
	if !l.PreviousUntil.IsZero() {
		e.PreviousUntil = l.PreviousUntil
	}
	switch {
	case !e.PromotedAt.IsZero(): // a step that comes late, or again
	case l.Error != "":
		e.Outcome, e.Error = "failed", l.Error
	case l.Step == "finishSecret":
		e.Outcome, e.Error, e.PromotedAt = "promoted", "", l.at
	case len(e.Steps) == 1 && l.Step == "testSecret": // RotateImmediately=false tests the settings
		e.Outcome, e.Error = "tested", ""
	default:
		e.Outcome, e.Error = "underway", ""
	}
}

func (e *evidence) addAction(l entry) {
	if begun := l.at.Add(-time.Duration(l.DurationMs) * time.Millisecond); begun.Before(e.Begun) {
		e.Begun = begun
	}
	e.By, e.Reason, e.Emergency = cmp.Or(l.By, "unknown"), l.Reason, l.Emergency
	e.Outcome, e.Error, e.Revoked = l.Outcome, l.Error, cmp.Or(l.Revoked, e.Revoked)
	if e.Revoked != "" {
		e.PreviousUntil = time.Time{} // it was ended before
	}
	e.New, e.Old = cmp.Or(l.Promoted, e.New), cmp.Or(e.Old, l.Current)
	e.Decision = cmp.Or(l.Decision, e.Decision)
	if l.Action == "rollback" {
		e.Decision = l.Action
	}
	if l.Promoted != "" && l.Outcome != string(rotation.Open) {
		e.PromotedAt = l.at
	}
	if !l.PreviousUntil.IsZero() && e.Revoked == "" {
		e.PreviousUntil = l.PreviousUntil
	}
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
