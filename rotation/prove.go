package rotation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/pingone"
)

// Nothing is minted that cannot be promoted. Before PingOne regenerates, the secret that
// it has is shown to it in the way in which the new one will be judged, what the
// document specifies is applied, and the rights to store and to label are known.

// rehearsals are the calls that prove the path for AWSCURRENT's secret, to be made while
// the rest is read. Their results are for [run.prove].
func (r *run) rehearsals(ctx context.Context) []func() error {
	d := r.found.current.Document
	if r.found.own != nil || d.ClientSecret.IsZero() || d.ClientID == "" || r.found.rehearsed {
		return nil
	}
	r.found.rehearsed = true
	calls := []func() error{func() error {
		err := r.secret.mayWrite(ctx, r.found.current.versionID)
		if denied(err) {
			r.found.mayWrite = err // what could not be asked is for the write itself to find
		}
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

var proofs sync.Mutex

// proved keeps the result of a rehearsal.
func (r *run) proved(fingerprint string, err error) {
	proofs.Lock()
	defer proofs.Unlock()
	r.found.proof[fingerprint] = err
	switch {
	case err == nil:
		r.found.answers[fingerprint] = plan.Accepted
	case pingone.IsRejected(err):
		r.found.answers[fingerprint] = plan.Refused
	}
}

// prove returns why a secret that PingOne made now could not be promoted.
func (r *run) prove(ctx context.Context, m plan.Move) error {
	application, fingerprint := m.Application, m.Fingerprint
	if application == "" { // the twin that does not exist yet will be a copy
		application = r.applicationID()
		fingerprint = r.found.views[application].Secret.Fingerprint()
	}
	err, done := r.found.proof[fingerprint]
	if !done || pingone.IsRejected(err) || pingone.IsWrongMethod(err) || pingone.IsTemporary(err) {
		d := r.doc(application).With(r.found.secrets[fingerprint], r.method(application), r.found.current.TokenEndpoint)
		if err = r.verifyFor(ctx, d, 10*time.Second); err != nil {
			err = fmt.Errorf("show PingOne its current secret%w", err)
		}
		r.record.refused = false // that is said of a new secret
		r.proved(fingerprint, err)
	}
	if err = errors.Join(r.found.mayWrite, err); err != nil {
		return fmt.Errorf("prove that a new secret could be promoted; nothing was changed: %w", err)
	}
	r.done.Proved = true
	return nil
}

// apply changes in PingOne what the document specifies and the application lacks.
// Died at any point: the next run compares again.
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

// provision creates the application that the document specifies, or its twin. A crash at
// any point leads to the same application.
func (r *run) provision(ctx context.Context) error {
	d := r.found.current
	if d.ClientID == "" {
		app, err := r.provisioner().Provision(ctx, d.Document)
		r.client.Settle = r.found.acting.client.Settle // if something was created
		if err != nil {
			return err
		}
		r.found.created = app.ID
		r.hold = nil // the register knows it by its id
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
	r.done.Proved = true // by the application that it is a copy of
	return nil
}

// probeAll shows secrets to PingOne, demanding nothing else.
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

// probeCurrent shows AWSCURRENT's secret.
func (r *run) probeCurrent(ctx context.Context) error {
	d := r.found.current
	method := d.AuthMethod
	if method == "" {
		method = pingone.ClientSecretBasic
	}
	answer, why := r.probe(ctx, d.Document, d.ClientSecret, method)
	if pingone.IsWrongMethod(why) {
		return nil // the plan has it shown by the application's own, once that is read
	}
	if why != nil {
		r.record.warn("PingOne did not say whether it accepts AWSCURRENT: %v", why)
	}
	proofs.Lock()
	defer proofs.Unlock()
	r.found.answers[d.ClientSecret.Fingerprint()] = answer
	return nil
}

// docOf returns under which document a secret is shown, and by which method: of the
// application whose it is, as far as that is known.
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
