package conformance_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"pingrotate/internal/conformance"
	"pingrotate/internal/memory"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// A pingOneWorld is the stand-in of PingOne, and a suite that asks it. Time passes only
// while a probe waits.
type pingOneWorld struct {
	*pingonetest.Server
	admin, target string // environments
	suite         *conformance.PingOne
}

const otherEnvironment = "11111111-2222-4333-8444-555555555555"

func newPingOneWorld(t testing.TB) *pingOneWorld {
	t.Helper()
	s, err := pingonetest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w := &pingOneWorld{Server: s, target: otherEnvironment}
	admin := s.AddApplication(pingonetest.Application{Name: "admin", Roles: []pingonetest.RoleAssignment{
		{Role: "Environment Admin", ScopeID: w.target}, {Role: "Identity Data Admin", ScopeID: w.target},
	}})
	w.admin = admin.Environment
	s.AddApplication(pingonetest.Application{Name: "bystander", Environment: w.target})
	s.AddPolicy(pingonetest.Policy{Environment: w.target, Name: "Another"})
	environment := func(id string) pingone.Environment {
		return pingone.Environment{ID: id, API: s.URL(), Auth: s.URL() + "/" + id}
	}
	w.suite = &conformance.PingOne{
		Environment: environment(w.target),
		Admin: pingone.Credential{
			Environment: environment(w.admin), ClientID: admin.ClientID, Secret: pingone.NewSecret(admin.Secret), Method: pingone.ClientSecretBasic,
		},
		HTTP: &http.Client{Transport: &memory.Transport{Handler: s}},
		Run:  "test",
		Clock: conformance.Clock{Now: s.Now, Wait: func(ctx context.Context, d time.Duration) error {
			s.Advance(d)
			return context.Cause(ctx)
		}},
	}
	return w
}

func (w *pingOneWorld) run(t testing.TB, only ...string) conformance.Record {
	t.Helper()
	record, err := conformance.Run(t.Context(), w.suite, conformance.Options{Of: "pingone", Run: "test", Only: only, Clock: w.suite.Clock})
	if err != nil {
		t.Errorf("run: %v", err)
	}
	return record
}
