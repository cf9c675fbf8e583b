package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/pingone"
)

// No secret is minted that could not be promoted. Before a mint, a run verifies PingOne's
// current secret as it will verify the new one, applies what the document specifies, and
// checks that it may store and label versions.

// rehearsals returns the calls that verify AWSCURRENT's secret and the permissions, to be made
// together with the other reads of a look. [run.prove] uses their results.
func (r *run) rehearsals(ctx context.Context) []func() error {
	d := r.found.current.Document
	if r.found.own != nil || d.ClientSecret.IsZero() || d.ClientID == "" || r.found.rehearsed {
		return nil
	}
	r.found.rehearsed = true
	calls := []func() error{func() error {
		r.found.mayWrite = r.secret.mayWrite(ctx, r.found.current.versionID)
		return nil
	}}
	fingerprint := d.ClientSecret.Fingerprint()
	if _, done := r.found.proof[fingerprint]; done || d.Alternates() || d.AuthMethod == "" {
		return calls[:1:1]
	}
	return append(calls, func() error {
		err := r.verifyOnce(ctx, d)
		r.proved(fingerprint, err)
		return nil
	})
}

// proved records the result of verifying a secret.
func (r *run) proved(fingerprint string, err error) {
	r.answering.Lock()
	defer r.answering.Unlock()
	r.found.proof[fingerprint] = err
	switch {
	case err == nil:
		r.found.answers[fingerprint] = plan.Accepted
	case pingone.IsRejected(err):
		r.found.answers[fingerprint] = plan.Refused
	}
}

// prove returns an error if a secret that PingOne minted now could not be promoted.
func (r *run) prove(ctx context.Context, m plan.Move) error {
	application, fingerprint := m.Application, m.Fingerprint
	if application == "" { // the twin does not exist yet, and will be a copy of the original
		application = r.applicationID()
		fingerprint = r.found.views[application].Secret.Fingerprint()
	}
	err, done := r.found.proof[fingerprint]
	if !done || pingone.IsRejected(err) || pingone.IsWrongMethod(err) || pingone.IsTemporary(err) {
		d := r.doc(application).With(r.found.secrets[fingerprint], r.method(application), r.found.current.TokenEndpoint)
		if err = r.verifyFor(ctx, d, 10*time.Second); err != nil {
			err = fmt.Errorf("show PingOne its current secret%w", err)
		}
		r.record.refused = false // it stands for a new secret's refusal
		r.proved(fingerprint, err)
	}
	if err = errors.Join(r.found.mayWrite, err); err != nil {
		return fmt.Errorf("prove that a new secret could be promoted; nothing was changed: %w", err)
	}
	r.done.Proved = true
	return nil
}

// apply changes in PingOne what differs from the document's specification. After a crash at
// any point, the next run compares again.
func (r *run) apply(ctx context.Context, application string) error {
	d := r.found.current
	if d.Rotation.Application != nil {
		if err := r.provisioner().Repair(ctx, d.Document, r.found.apps[r.applicationID()]); err != nil {
			return fmt.Errorf("apply rotation.application; nothing was regenerated: %w", err)
		}
	}
	if d.Alternates() {
		if err := r.provisioner().Align(ctx, d.Document, r.applicationID(), application); err != nil {
			return fmt.Errorf("give the twin what the application has; nothing was regenerated: %w", err)
		}
	}
	r.done.Applied = true
	return nil
}

// provision creates the application that the document specifies, or its twin. After a crash
// at any point, the next run finds or creates the same application.
func (r *run) provision(ctx context.Context) error {
	d := r.found.current
	if d.ClientID == "" {
		app, err := r.provisioner().Provision(ctx, d.Document)
		r.client.Settle = r.found.acting.client.Settle // set if something was created, which reads may not show yet
		if err != nil {
			return err
		}
		r.found.created = app.ID
		r.hold = nil // find the item of the application's id
		return nil
	}
	if r.found.mayWrite != nil {
		return r.found.mayWrite
	}
	twin, err := r.provisioner().Twin(ctx, d.Document, r.found.apps[r.applicationID()])
	r.client.Settle = r.found.acting.client.Settle
	if err != nil {
		return err
	}
	r.found.twin = twin.ID
	r.done.Proved = true // the original was verified, and the twin is its copy
	return nil
}

// probeAll asks PingOne in parallel whether it accepts secrets.
func (r *run) probeAll(ctx context.Context, fingerprints []string) error {
	answers := make([]plan.Answer, len(fingerprints))
	calls := make([]func() error, len(fingerprints))
	for i, f := range fingerprints {
		calls[i] = func() error {
			d, method := r.docOf(f)
			var why error
			answers[i], why = r.probe(ctx, d, r.found.secrets[f], method)
			if why != nil {
				r.record.warn("PingOne did not say whether it accepts %s: %v", f, why)
			}
			return nil
		}
	}
	if err := parallel.Do(calls...); err != nil {
		return err
	}
	for i, f := range fingerprints {
		r.found.answers[f] = answers[i]
	}
	return nil
}

// probeCurrent asks PingOne whether it accepts AWSCURRENT's secret.
func (r *run) probeCurrent(ctx context.Context) error {
	d := r.found.current
	method := d.AuthMethod
	if method == "" {
		method = pingone.ClientSecretBasic
	}
	answer, why := r.probe(ctx, d.Document, d.ClientSecret, method)
	if pingone.IsWrongMethod(why) {
		return nil // once the application is read, the plan has its own method tried
	}
	if why != nil {
		r.record.warn("PingOne did not say whether it accepts AWSCURRENT: %v", why)
	}
	r.answering.Lock()
	defer r.answering.Unlock()
	r.found.answers[d.ClientSecret.Fingerprint()] = answer
	return nil
}

// docOf returns the document and the method with which to show a secret: those of the
// application that the secret belongs to, as far as that is known.
func (r *run) docOf(fingerprint string) (*document.Document, pingone.AuthMethod) {
	for id, v := range r.found.views {
		if view := viewOf(v); view.Accepts(fingerprint) {
			return r.doc(id), r.method(id)
		}
	}
	for _, v := range append([]*stored{r.found.own}, r.found.others...) {
		if v != nil && v.ClientSecret.Fingerprint() == fingerprint && v.ApplicationID() == r.found.twin {
			return r.doc(r.found.twin), r.method(r.found.twin)
		}
	}
	return r.found.current.Document, r.method(r.applicationID())
}
