package rotation

import (
	"context"
	"sync"

	"pingrotate/internal/plan"
	"pingrotate/pingone"
)

// A snapshot is what one look shows of the client's applications.
type snapshot struct {
	*run
	mu    sync.Mutex
	apps  map[string]*pingone.Application
	views map[string]*pingone.ApplicationSecret
}

func (r *run) newSnapshot() *snapshot {
	return &snapshot{run: r, apps: map[string]*pingone.Application{}, views: map[string]*pingone.ApplicationSecret{}}
}

// reads returns the calls of a look that read the client's applications and their secrets.
func (s *snapshot) reads(ctx context.Context, goal plan.Goal, held bool) (all []func() error) {
	for _, id := range s.applications() {
		all = append(all, s.view(ctx, id))
		if s.wantsApplication(goal, id, held) {
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
		view, err := s.found.acting.view(ctx, target)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.views[id] = view
		return err
	}
}

func (s *snapshot) application(ctx context.Context, id string) func() error {
	d := s.found.current.Document
	return func() error {
		app, err := s.found.acting.read(ctx, d, id)
		s.mu.Lock()
		defer s.mu.Unlock()
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
	f.views = s.views
	for _, v := range s.views {
		s.remember(v.Secret)
		if v.Previous != nil {
			s.remember(v.Previous.Secret)
		}
	}
}
