package rotation

import (
	"context"
	"slices"
	"sync"

	"pingrotate/internal/plan"
	"pingrotate/pingone"
)

// A snapshot is what one look shows of the client's applications.
type snapshot struct {
	*run
	goal  plan.Goal
	mu    sync.Mutex
	apps  map[string]*pingone.Application
	views map[string]*pingone.ApplicationSecret
	gone  string // the twin, if PingOne does not have it any more

	// hidden is why an audit could not read the secret of AWSCURRENT's application.
	hidden error
}

func (r *run) newSnapshot(goal plan.Goal) *snapshot {
	return &snapshot{run: r, goal: goal, apps: map[string]*pingone.Application{}, views: map[string]*pingone.ApplicationSecret{}}
}

// reads returns the calls of a look that read the client's applications and their secrets.
func (s *snapshot) reads(ctx context.Context, held bool) (all []func() error) {
	for _, id := range s.applications() {
		all = append(all, s.view(ctx, id))
		if s.wantsApplication(s.goal, id, held) {
			all = append(all, s.application(ctx, id))
		}
	}
	return all
}

// wantsApplication reports whether a look must read the application itself, not just its
// secret. An audit saves calls, which PingOne limits: it reads the application only if
// something about AWSCURRENT is unusual.
func (r *run) wantsApplication(goal plan.Goal, id string, held bool) bool {
	switch {
	case goal == plan.Finish:
		return r.found.apps[id] == nil && r.found.current.ClientID == ""
	case goal == plan.Audit && id == r.applicationID():
		return false
	}
	return r.found.apps[id] == nil || !held
}

func (s *snapshot) view(ctx context.Context, id string) func() error {
	target := s.target(id)
	return func() error {
		view, err := s.acting(id).view(ctx, target)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.lacks(id, err) {
			return nil
		}
		if err != nil && s.goal == plan.Audit && id == s.applicationID() {
			s.hidden = err
			return nil
		}
		s.views[id] = view
		return err
	}
}

// acting returns the admin with which to read an application. An emergency must not mistake
// a twin that was just created for a deleted one, so it does not believe a 404 at once.
func (s *snapshot) acting(id string) *admin {
	if !pressing(s.goal) || id == s.applicationID() {
		return s.found.acting
	}
	patient := *s.found.acting
	patient.client.Settle = max(patient.client.Settle, plan.Settling)
	return &patient
}

// lacks records that PingOne no longer has the twin, and reports whether that is what the
// error says. AWSCURRENT's own application must be dealt with all the same.
func (s *snapshot) lacks(id string, err error) bool {
	if id == s.applicationID() || !pingone.IsNotFound(err) {
		return false
	}
	s.gone = id
	return true
}

// recorded takes what the register recorded of the last mint for the view that an audit
// could not read, or returns why it could not. The admin may have lost its role or its own
// secret between the mint and the promotion, and AWSCURRENT would die of the fuse.
//
// The promotion that may follow is safe without a view: PingOne said that it replaced
// AWSCURRENT's secret, so that only the new one can still be current, and the new one must
// obtain a token. If it was replaced in turn, AWSCURRENT's is dead, and the next audit that
// can read PingOne's view promotes the newest.
func (s *snapshot) recorded() error {
	if s.hidden == nil {
		return nil
	}
	id, own := s.applicationID(), s.found.current.ClientSecret
	if s.hold == nil || !s.hold.known || s.hold.failure != nil || own.IsZero() {
		return s.hidden
	}
	item := s.item()
	made := item.Applications[id].Current
	i := slices.IndexFunc(s.found.others, func(v *stored) bool {
		return v.ApplicationID() == id && v.ClientSecret.Fingerprint() == made.Fingerprint
	})
	if item.Emergency != nil || made.At.IsZero() || i < 0 || !item.Superseded(id, own.Fingerprint()) {
		return s.hidden
	}
	s.views[id] = &pingone.ApplicationSecret{
		Secret:   s.found.others[i].ClientSecret,
		Previous: &pingone.PreviousSecret{Secret: own, ExpiresAt: made.At.Add(plan.Fuse(0))}, // at the earliest
		AsOf:     s.client.Time(),
	}
	return nil
}

func (s *snapshot) application(ctx context.Context, id string) func() error {
	d := s.found.current.Document
	return func() error {
		app, err := s.acting(id).read(ctx, d, id)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.lacks(id, err) {
			return nil
		}
		s.apps[id] = app
		return err
	}
}

// unusual reports whether AWSCURRENT is anything but PingOne's current secret, accepted,
// and without a twin.
func (s *snapshot) unusual() bool {
	own := s.found.current.ClientSecret
	view := s.views[s.applicationID()]
	return view == nil || !view.Secret.Equal(own) || s.found.answers[own.Fingerprint()] != plan.Accepted || s.found.twin != ""
}

// merge merges a snapshot into what the run knows. Applications that the snapshot lacks
// stay known.
func (f *found) merge(s *snapshot) {
	if f.apps == nil {
		f.apps = map[string]*pingone.Application{}
	}
	for id, app := range s.apps {
		f.apps[id] = app
	}
	if s.gone != "" {
		s.record.warn("application %s, which is the twin, is not in PingOne any more", s.gone)
		f.gone, f.twin = s.gone, ""
		delete(s.views, s.gone)
		delete(f.apps, s.gone)
	}
	f.views, f.hidden = s.views, s.hidden
	for _, v := range s.views {
		s.remember(v.Secret)
		if v.Previous != nil {
			s.remember(v.Previous.Secret)
		}
	}
}
