package rotation

import (
	"cmp"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/pingone"
)

// situation describes what the run found in the terms of the plan.
func (r *run) situation(goal plan.Goal) plan.Situation {
	d := r.found.current
	now := r.client.Time()
	item := r.item()
	s := plan.Situation{
		Goal: goal, Now: now, Secret: r.secret.arn, Rotation: r.token, Manual: r.manual, ReadOnly: r.readOnly,
		Grace:       r.Settings.grace(d.Document),
		EndWhenIdle: d.Rotation.RevokeWhenIdle,
		Alternates:  d.Alternates(),
		Specified:   d.Rotation.Application != nil,
		Labels:      r.secret.staged(),
		Changed:     r.secret.changed,
		Views:       map[string]plan.View{},
		Off:         map[string]bool{},
		Answers:     r.found.answers,
		Item:        item,
		Unreachable: r.hold.failure != nil,
		Holds:       r.found.underHold && r.hold.hasLease(),
		MaySend:     item.MaySend(r.hold.who, now),
		Done:        r.done,
	}
	s.Done.Served = s.Done.Served && r.servedFor == d.ClientSecret.Fingerprint()
	s.Done.Shown = s.Done.Shown && r.shownFor == r.shownState()
	if d.Rotation.Strategy == document.Alternating {
		s.Twin = r.found.twin
		s.Unused = d.Alternates() && d.Rotation.Twin == ""
	}
	s.ReplicaBehind = r.secret.replicaBehind() != ""
	s.StaleCopy = strings.Join(r.copies(), ", ")
	s.OtherBehind = r.found.otherBehind
	if r.found.closed != nil {
		s.RotationClosed = r.found.closed.Error()
	}
	if !s.Specified && !s.Alternates {
		s.Done.Applied = true // nothing to apply
	}
	if r.ending != nil {
		s.LockOut = r.ending.lockOut
		for _, v := range r.ending.victims {
			s.Ends = append(s.Ends, v.Fingerprint)
		}
	}
	for id, v := range r.found.views {
		s.Views[id] = viewOf(v)
	}
	for id, app := range r.found.apps {
		s.Off[id] = app != nil && !app.Enabled
	}
	s.Current = r.version(d)
	s.Current.Application = r.applicationID()
	if d.standsIn {
		s.Current.Fingerprint = "" // consumers get no secret of the client from the real AWSCURRENT
	}
	s.Current.Since = r.since(d, item)
	if r.found.own != nil {
		s.Own = r.version(r.found.own)
	}
	for _, v := range r.found.others {
		s.Others = append(s.Others, r.version(v))
	}
	s.Others = append(s.Others, r.found.unparsable...)
	return s
}

// item returns the register's item, including an outcome that is not written yet.
func (r *run) item() register.Item {
	item := r.hold.rev.Item
	if r.outcome != nil {
		item = r.outcome(item)
	}
	return item
}

// since returns when consumers got AWSCURRENT. If several managed secrets hold the client,
// it is when the last of them got it.
func (r *run) since(d *stored, item register.Item) time.Time {
	since := r.secret.promoted(d)
	if s, ok := item.Secrets[r.secret.arn]; ok && s.Version == d.versionID && !s.Since.IsZero() {
		since = s.Since
	}
	for _, s := range item.Secrets {
		if s.Fingerprint == d.ClientSecret.Fingerprint() && s.Since.After(since) {
			since = s.Since
		}
	}
	return since
}

func (r *run) version(v *stored) plan.Version {
	d := r.found.current
	p := plan.Version{
		ID:          v.versionID,
		Stored:      true,
		Application: v.ApplicationID(),
		Fingerprint: v.ClientSecret.Fingerprint(),
		Created:     v.created,
		Follows:     v.versionID == d.versionID || d.continues(v),
	}
	switch {
	case v.ClientID == "":
	case v.ClientID == d.ClientID:
		p.Foreign = v.Principal() != d.Principal()
	default:
		p.Foreign = !d.MayFollow(v.ClientID) || v.Principal() != d.Successor(v.ClientID).Principal()
	}
	if app := r.found.apps[p.Application]; app != nil {
		p.WrongMethod = v.AuthMethod != "" && v.AuthMethod != app.TokenEndpointAuthMethod
	}
	return p
}

func viewOf(v *pingone.ApplicationSecret) plan.View {
	if v == nil {
		return plan.View{}
	}
	p := plan.View{Current: v.Secret.Fingerprint(), At: v.AsOf}
	if v.Previous != nil {
		p.Previous, p.Expires, p.LastUsed = v.Previous.Secret.Fingerprint(), v.Previous.ExpiresAt, v.Previous.LastUsed
	}
	return p
}

// strategyOf and kindOf return the document's strategy and kind, defaults included.
func strategyOf(d *document.Document) string {
	return cmp.Or(d.Rotation.Strategy, document.Single)
}
func kindOf(d *document.Document) string {
	return cmp.Or(d.Rotation.Kind, document.KindApplication)
}
