package rotation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
)

// A Preview says what an emergency, an endPrevious or a rollback would do, for the person
// who has to confirm it. Nothing was changed to find that out.
type Preview struct {
	EnvironmentID string   `json:"environmentId"`
	Kind          string   `json:"kind"` // application or resource
	ClientID      string   `json:"clientId"`
	Twin          string   `json:"twin,omitempty"` // whose secrets end as well
	Strategy      string   `json:"strategy"`
	MustDie       []string `json:"mustDie"` // fingerprints

	// Previous, for endPrevious, is what PingOne keeps besides the current secrets.
	Previous []KeptSecret `json:"previous,omitempty"`

	// From and To, for a rollback, are the fingerprints of AWSCURRENT's secret and of the one
	// that would replace it. ToClient is that one's client.
	From     string `json:"from,omitempty"`
	To       string `json:"to,omitempty"`
	ToClient string `json:"toClient,omitempty"`

	// Holders are the other managed secrets of the client, by name. They get the new secret
	// too.
	Holders []string `json:"holders,omitempty"`
	// Admin says that what leaked is an admin of the function. Targets are then the managed
	// secrets whose applications' secrets it could read.
	Admin   bool    `json:"admin,omitempty"`
	Targets Targets `json:"targets,omitzero"`

	Disabled  bool      `json:"disabled,omitempty"` // the application is disabled: PingOne says nothing about its secrets
	Rotating  bool      `json:"rotating,omitempty"` // a rotation is under way
	Replica   string    `json:"replica,omitempty"`  // the Region of a replica that is not in sync
	OpenSince time.Time `json:"openSince,omitzero"` // when an emergency of the client began that has not ended
	BusyUntil time.Time `json:"busyUntil,omitzero"` // when another invocation, at work on the client, ends at the latest
	KnownFrom time.Time `json:"knownFrom,omitzero"` // the register has no item of the client yet: nothing is sent before this time
}

// preview reports what an emergency would do, and changes nothing.
func (r *Rotator) preview(ctx context.Context, a Action) *Report {
	rep := r.newReport(a)
	n := r.begin(a.SecretID, plan.ByEmergency, "preview", "")
	n.filesReport = true
	defer func() { rep.Ended = n.client.Time().UTC(); r.logReport(ctx, rep) }()
	err := n.lookAtLeak(ctx)
	if err == nil && n.applicationID() == "" {
		err = errNothingLeaked
	}
	if n.secret.arn != "" {
		rep.SecretID, rep.Name = n.secret.arn, n.secret.name
	}
	if err == nil {
		rep.Preview, err = n.buildPreview(ctx)
	}
	rep.Calls, rep.Warnings = n.count.take(), n.record.warnings
	if rep.Outcome = Previewed; err != nil {
		rep.Outcome, rep.Error = Failed, remedy.Line(err)
	}
	return rep
}

var errNothingLeaked = remedy.With(errors.New("AWSCURRENT names no application whose secret could have leaked"), "rotate without an emergency, which creates the application")

// buildPreview describes the run's client and what an action on it would meet.
func (r *run) buildPreview(ctx context.Context) (*Preview, error) {
	d, item, now := r.found.current, r.item(), r.client.Time()
	p := &Preview{
		EnvironmentID: d.EnvironmentID, Kind: kindOf(d.Document), ClientID: d.ClientID, Twin: r.found.twin, Strategy: strategyOf(d.Document),
		Admin: r.Settings.isAdminSecret(r.secret.description),
	}
	for _, v := range r.victims() {
		if !slices.Contains(p.MustDie, v.Fingerprint) {
			p.MustDie = append(p.MustDie, v.Fingerprint)
		}
	}
	r.count.register.Add(1)
	holders, err := r.hold.table.Holders(ctx, r.hold.key)
	if err != nil {
		return nil, err
	}
	for _, arn := range slices.Compact(slices.Sorted(slices.Values(append(holders, slices.Collect(maps.Keys(item.Secrets))...)))) {
		if arn != r.secret.arn {
			p.Holders = append(p.Holders, secretNameOf(arn))
		}
	}
	if p.Admin {
		if p.Targets, err = r.Rotator.targets(ctx, r.count, r.secret.description, d.Document); err != nil {
			r.record.warn("the secrets that this admin could read cannot be listed: %s", remedy.Line(err))
		}
	}
	if app := r.found.apps[r.applicationID()]; app != nil {
		p.Disabled = !app.Enabled
	}
	pending := r.secret.holder(labelPending)
	p.Rotating = pending != "" && pending != d.versionID
	p.Replica = r.secret.replicaBehind()
	if item.Emergency != nil {
		p.OpenSince = item.Emergency.Since
	}
	if free, from := item.MayTake(r.hold.who, now); !free {
		p.BusyUntil = from.UTC()
	}
	if known, from := item.Known(now); !known {
		p.KnownFrom = from.UTC()
	} else if !r.hold.rev.Known() {
		p.KnownFrom = now.Add(register.ResolveTime).UTC()
	}
	return p, nil
}
