package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

const (
	// refusedFor is how long each host must refuse every secret that must die, while it
	// accepts AWSCURRENT.
	refusedFor = 30 * time.Second

	// probeEvery is the wait between two rounds of probes.
	probeEvery = 5 * time.Second
)

// showDead shows that PingOne refuses every secret that must die, for as long as the nodes
// of the token endpoint may differ. A secret whose value the run does not have cannot be
// tried; it counts as dead because PingOne no longer shows it.
func (r *run) showDead(ctx context.Context) error {
	must, what := r.mustDie()
	if must == nil {
		return nil
	}
	if r.ending != nil {
		r.hold.release(ctx) // probes need no lease
		for _, v := range must {
			r.record.happened(MustDie, r.record.begun, v.Fingerprint)
		}
	}
	state := r.shownState()
	var held []register.Victim
	var gone []string
	for _, v := range must {
		if _, ok := r.found.secrets[v.Fingerprint]; ok && slices.Contains(r.applications(), v.Application) {
			held = append(held, v)
		} else {
			gone = append(gone, v.Fingerprint)
		}
	}
	if app := r.found.apps[r.applicationID()]; app != nil && !app.Enabled {
		return fmt.Errorf("%s cannot be shown to be refused: %w", what, disabled(app.ID))
	}
	// The tokens' life is read meanwhile. However showDead returns, that has ended by then:
	// it reads the run and writes to its record.
	var life time.Duration
	lifeKnown := make(chan struct{})
	reading, stop := context.WithCancel(ctx)
	go func() {
		defer close(lifeKnown)
		life = r.tokenLife(reading)
	}()
	defer func() { stop(); <-lifeKnown }()
	var since time.Time // when the current series of rounds with only refusals began
	for {
		begun := r.client.Time()
		clear, err := r.probeRound(ctx, held)
		if err != nil {
			return err
		}
		switch {
		case !clear:
			since = time.Time{}
		case since.IsZero():
			since = begun
		}
		if clear {
			for _, v := range held {
				r.record.happened(FirstRefused, r.client.Time(), v.Fingerprint)
			}
		}
		if clear && (len(held) == 0 || r.client.Time().Sub(since) >= refusedFor) {
			break
		}
		if !timeFor(ctx, &r.client, probeEvery+margin) {
			if !clear {
				return remedy.With(fmt.Errorf("PingOne was told to end %s and still accepts it", what), "run the same command again in a minute")
			}
			return remedy.With(fmt.Errorf("PingOne refuses %s, but that was tested for only %v of the required %v", what, r.client.Time().Sub(since).Round(time.Second), refusedFor), "run the same command again, which repeats the test")
		}
		if err := r.client.Pause(ctx, probeEvery); err != nil {
			return fmt.Errorf("wait to ask again whether %s is refused: %w", what, err)
		}
	}
	// A twin that neither a version nor the register names may still have a secret that
	// works. While the list of applications lags or cannot be read, that is not ruled out.
	if found, err := r.searchTwin(ctx); err != nil || found {
		return err // a twin that was found is looked at, ended like the others, and shown to be dead
	}
	at := r.client.Time().UTC()
	for _, v := range held {
		r.record.dead = append(r.record.dead, Mark{Fingerprint: v.Fingerprint, At: at})
		r.record.happened(LastRefused, at, v.Fingerprint)
	}
	r.record.gone = append(r.record.gone, gone...)
	<-lifeKnown
	r.record.noteVerified("", life)
	r.done.Shown, r.shownFor = true, state
	return nil
}

// mustDie lists the secrets that must die, and says what they are: those of an emergency,
// or those that endPrevious ends. The list is nil if there are none.
func (r *run) mustDie() (must []register.Victim, what string) {
	if r.ending != nil {
		return r.ending.victims, "the previous secret"
	}
	if em := r.item().Emergency; em != nil {
		return em.Must, "the leaked secret"
	}
	return nil, "the leaked secret"
}

// shownState identifies what done.Shown is about: the emergency with its last mark, and the
// secrets that outlive it. Another run may add a mark, or mint, while this one probes.
func (r *run) shownState() string {
	if r.ending != nil {
		return fmt.Sprint(r.ending.victims)
	}
	em := r.item().Emergency
	if em == nil {
		return ""
	}
	var made []string
	for _, id := range r.applications() {
		if v := r.found.views[id]; v != nil {
			made = append(made, v.Secret.Fingerprint())
		}
	}
	return fmt.Sprint(em.ID, em.Mark, len(em.Must), r.found.current.ClientSecret.Fingerprint(), made)
}

// probeRound probes every secret that must die, and AWSCURRENT, once on each host. It reports
// whether all of the former are refused and the latter is accepted.
func (r *run) probeRound(ctx context.Context, held []register.Victim) (clear bool, err error) {
	current := r.found.current
	type question struct {
		d      *document.Document
		secret pingone.Secret
		method pingone.AuthMethod
		want   plan.Answer
		env    pingone.Environment
	}
	var all []question
	add := func(d *document.Document, fingerprint string, id string, want plan.Answer) error {
		hosts, err := r.Settings.hosts(d)
		for _, env := range hosts {
			all = append(all, question{d, r.found.secrets[fingerprint], r.method(id), want, env})
		}
		return err
	}
	for _, v := range held {
		err = errors.Join(err, add(r.doc(v.Application), v.Fingerprint, v.Application, plan.Refused))
	}
	if err = errors.Join(err, add(current.Document, current.ClientSecret.Fingerprint(), r.applicationID(), plan.Accepted)); err != nil {
		return false, err
	}
	answers := make([]plan.Answer, len(all))
	calls := make([]func() error, len(all))
	for i, q := range all {
		calls[i] = func() (err error) {
			answers[i], err = r.probeAt(ctx, q.env, q.d, q.secret, q.method)
			return err
		}
	}
	if err := parallel.Do(calls...); err != nil {
		_, what := r.mustDie()
		return false, fmt.Errorf("ask whether %s is refused: %w", what, err)
	}
	for i, q := range all {
		if answers[i] != q.want {
			return false, nil
		}
	}
	return true, nil
}
