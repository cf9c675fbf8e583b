package pingonetest_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

func TestTrafficNoClientShouldSendFailsTheTest(t *testing.T) {
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{"unknown path", "GET", "/v2/environments", "", nil, 404},
		{"unknown method", "PUT", "/v1/environments/e/applications/a/secret", "", nil, 403},
		{"no custom domain", "POST", "/as/token", grant(), []string{"Content-Type", formType}, 404},
		{"form to the platform API", "POST", "/v1/environments/e/applications/a/secret", "", []string{"Content-Type", formType}, 401},
		{"JSON to the token endpoint", "POST", "/e/as/token", grant(), []string{"Content-Type", jsonType}, 400},
		{"broken form", "POST", "/e/as/token", "grant_type=%zz", []string{"Content-Type", formType}, 400},
		{"no grant type", "POST", "/e/as/token", "client_id=a", []string{"Content-Type", formType}, 400},
		{"repeated parameter", "POST", "/e/as/token", grant() + "&scope=a&scope=b", []string{"Content-Type", formType}, 400},
		{"credentials in two places", "POST", "/e/as/token", grant("client_id", "a"), []string{"Content-Type", formType, "Authorization", "Basic YTpi"}, 400},
		{"parameters in the URL", "POST", "/e/as/token?client_secret=s", grant(), []string{"Content-Type", formType}, 400},
		{"assertion", "POST", "/e/as/token", grant("client_assertion", "a.b.c"), []string{"Content-Type", formType}, 400},
		{"oversized body", "POST", "/e/as/token", strings.Repeat("a", 100<<10), []string{"Content-Type", formType}, 413},
		{"oversized transaction id", "GET", "/e/as/jwks", "", []string{"X-Ping-External-Transaction-ID", strings.Repeat("a", 101)}, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{T: t}
			s := pingonetest.Run(rec)
			r := send(t, tt.method, s.URL()+tt.path, tt.body, tt.headers...)
			check(t, "status", r.status, tt.status)
			s.Close() // waits for the complaint
			if len(rec.errors) != 1 {
				t.Errorf("complaints: got %q, want one", rec.errors)
			}
		})
	}
}

func TestB85_AnUnknownVerbIsRefusedByTheGateway(t *testing.T) {
	s := pingonetest.Run(&recorder{T: t})
	r := send(t, "PATCH", s.URL()+"/v1/environments/e/applications/a", "{}", "Content-Type", jsonType, "Authorization", "Bearer x")
	r.want(t, 403, "code", "", "id", "")
	if !strings.HasPrefix(r.at("message"), "Invalid key=value pair") {
		t.Errorf("message: got %q", r.at("message"))
	}
}

func TestMisuseIsLoud(t *testing.T) {
	const env = "11111111-1111-4111-8111-111111111111"
	for name, misuseOf := range map[string]func(*pingonetest.Server){
		"no UUID":               func(s *pingonetest.Server) { s.AddApplication(pingonetest.Application{ID: "app"}) },
		"unknown application":   func(s *pingonetest.Server) { s.Secret(env, env) },
		"unknown role":          func(s *pingonetest.Server) { addWith(s, pingonetest.RoleAssignment{Role: "King"}) },
		"role without its app":  func(s *pingonetest.Server) { addWith(s, role("Application Owner", "APPLICATION", "")) },
		"role at unknown scope": func(s *pingonetest.Server) { addWith(s, role("Application Owner", "GALAXY", env)) },
		"scopes of nothing":     func(s *pingonetest.Server) { s.AddApplication(pingonetest.Application{Scopes: []string{"a"}}) },
		"claims that are not JSON": func(s *pingonetest.Server) {
			s.AddApplication(pingonetest.Application{Claims: map[string]any{"groups": func() {}}})
		},
		"nameless custom role": func(s *pingonetest.Server) { s.AddRole(pingonetest.CustomRole{}) },
		"custom role like a built-in one": func(s *pingonetest.Server) {
			s.AddRole(pingonetest.CustomRole{Name: "Environment Admin"})
		},
		"custom role assigned by nobody known": func(s *pingonetest.Server) {
			s.AddRole(pingonetest.CustomRole{Name: "Rotator", CanBeAssignedBy: []string{"King"}})
		},
		"same client twice": func(s *pingonetest.Server) {
			s.AddApplication(pingonetest.Application{ClientID: "shop"})
			s.AddApplication(pingonetest.Application{ClientID: "shop"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := pingonetest.Run(&recorder{T: t})
			defer func() {
				if _, loud := recover().(misuse); !loud {
					t.Error("got no complaint, want one")
				}
				s.Now() // the lock is free again
			}()
			misuseOf(s)
		})
	}
}

func addWith(s *pingonetest.Server, roles ...pingonetest.RoleAssignment) pingonetest.Application {
	return s.AddApplication(pingonetest.Application{Roles: roles})
}

func role(name, scopeType, scopeID string) pingonetest.RoleAssignment {
	return pingonetest.RoleAssignment{Role: name, ScopeType: scopeType, ScopeID: scopeID}
}

func TestLogAndDumpShowNoSecret(t *testing.T) {
	rec := &recorder{T: t}
	w := worldOn(t, pingonetest.Run(rec))
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	w.regenerate(app, time.Hour).want(t, 200)
	w.Fail(pingonetest.OpReadSecret, fault.ReplyCut, fault.ReplyLost)
	trySend(t, "GET", w.URL()+"/v1/environments/"+app.Environment+"/applications/"+app.ID+"/secret", "", "Authorization", "Bearer "+w.token)
	trySend(t, "GET", w.URL()+"/v1/environments/"+app.Environment+"/applications/"+app.ID+"/secret", "", "Authorization", "Bearer "+w.token)
	w.apiAs("bad", "GET", app, "", "").want(t, 401)
	w.Close()

	log, dump := strings.Join(rec.logs, "\n"), w.Dump()
	t.Logf("log:\n%s\ndump:\n%s", log, dump)
	issued := w.Issued()
	check(t, "issued", len(issued), 4)
	for _, secret := range issued {
		if strings.Contains(log+dump, secret) {
			t.Errorf("a secret that begins with %.4s is in the clear", secret)
		}
	}
	secret := `secret [0-9a-f]{8}`
	for _, want := range []string{`/secret: 200 ` + secret + ` previous [0-9a-f]{8}`, `token: 200 token [0-9a-f]{8}`, `200, cut off`, `no reply`, `401 ACCESS_FAILED`} {
		if !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("log: got %s, want a line like %q", log, want)
		}
	}
	for _, want := range []string{`(?m)^  ` + secret + ` minted 1 times$`, `previous [0-9a-f]{8} until .* never used`, `role Environment Admin at ORGANIZATION`} {
		if !regexp.MustCompile(want).MatchString(dump) {
			t.Errorf("dump: got %s, want a line like %q", dump, want)
		}
	}
	check(t, "second dump", w.Dump(), dump)
	if !slices.Contains(strings.Fields(dump), app.ID) {
		t.Errorf("dump: got %s, want application %s in it", dump, app.ID)
	}
}

func TestClockStandsStillUntilMoved(t *testing.T) {
	s := pingonetest.Run(t)
	start := s.Now()
	check(t, "fraction", start.Nanosecond(), 0)
	if age := time.Since(start); age < 0 || age > time.Minute {
		t.Errorf("start: got %v, want the present", start)
	}
	s.Advance(time.Hour)
	check(t, "after Advance", s.Now(), start.Add(time.Hour))
	s.SetTime(start)
	check(t, "after SetTime", s.Now(), start)
	check(t, "Date", send(t, "GET", s.URL()+"/e/as/jwks", "").header.Get("Date"), start.Format(http.TimeFormat))

	other := start
	s.Follow(func() time.Time { return other })
	other = other.Add(time.Minute)
	s.Advance(time.Hour)
	check(t, "after Follow", s.Now(), start.Add(time.Hour+time.Minute))
}

func TestFaultsLeaveTheChangeThatTheyPromise(t *testing.T) {
	for _, kind := range fault.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
			w.Fail(pingonetest.OpRegenerateSecret, kind)
			target := w.URL() + "/v1/environments/" + app.Environment + "/applications/" + app.ID + "/secret"
			if kind == fault.Hang || kind == fault.HangApplied {
				w.After(func(fault.Call, fault.Kind) { go w.Close() }) // ends the wait
			}
			_, err := trySend(t, "POST", target, "{}", "Authorization", "Bearer "+w.token, "Content-Type", jsonType)
			t.Logf("client sees: %v", err)
			check(t, "applied", w.Mints(app.Environment, app.ID) == 1, kind.Applies())
			check(t, "secret changed", w.Secret(app.Environment, app.ID).Value != app.Secret, kind.Applies())
			check(t, "calls", w.Count(pingonetest.OpRegenerateSecret), 1)
		})
	}
}

func TestFaultsSpeakTheEndpointsLanguage(t *testing.T) {
	w := newWorld(t)
	w.Fail(pingonetest.OpReadSecret, fault.Denied, fault.Throttled, fault.Unavailable)
	w.api("GET", w.admin, "/secret", "").want(t, 403, "code", "ACCESS_FAILED", "details.0.code", "INSUFFICIENT_PERMISSIONS")
	w.api("GET", w.admin, "/secret", "").want(t, 429, "code", "REQUEST_LIMITED")
	w.api("GET", w.admin, "/secret", "").want(t, 503, "code", "UNEXPECTED_ERROR")
	w.Fail(pingonetest.OpToken, fault.Denied)
	basic(t, w.Server, w.admin.Environment, w.admin.ID, w.admin.Secret).want(t, 401, "error", "invalid_client")
}

func TestB22_RateLimit(t *testing.T) {
	w := newWorld(t)
	w.SetTime(w.Now().Truncate(time.Minute))
	w.RateLimit(2)
	get := func() reply { t.Helper(); return w.api("GET", w.admin, "", "") }
	get().want(t, 200)
	get().want(t, 200)
	limited := get()
	limited.want(t, 429, "code", "REQUEST_LIMITED", "details.0.code", "LIMIT_EXCEEDED")
	check(t, "Retry-After", limited.header.Get("Retry-After"), "1")
	date := w.Now().Add(time.Minute).Format(http.TimeFormat)
	w.RetryAfter(date)
	check(t, "Retry-After as a date", get().header.Get("Retry-After"), date)
	w.RetryAfter("")
	check(t, "no Retry-After", len(get().header.Values("Retry-After")), 0)
	w.bearer(w.admin) // the token endpoint is not part of the platform API
	w.Advance(time.Minute)
	get().want(t, 200)
	w.RateLimit(0)
	for range 3 {
		get().want(t, 200)
	}
}

func TestB23_ErrorsHaveFreshIDs(t *testing.T) {
	w := newWorld(t)
	one, two := w.apiAs("bad", "GET", w.admin, "", ""), w.apiAs("bad", "GET", w.admin, "", "")
	if one.at("id") == "" || one.at("id") == two.at("id") {
		t.Errorf("ids: got %q and %q, want two that differ", one.at("id"), two.at("id"))
	}
	if one.at("message") == "" {
		t.Errorf("message: got none in %s", one.text)
	}
}

func TestB25_TransactionIDsAlignWithCalls(t *testing.T) {
	w := newWorld(t)
	const id = "d3adb33f-0000-4000-8000-000000000001"
	target := w.URL() + "/" + w.admin.Environment + "/as/jwks"
	send(t, "GET", target, "", "X-Ping-External-Transaction-ID", id)
	w.Fail(pingonetest.OpJWKS, fault.Unavailable)
	send(t, "GET", target, "", "X-Ping-External-Transaction-ID", "a b:c@d é")
	want := []string{"", id, "a_b_c@d_é"}
	if got := w.TransactionIDs(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	check(t, "calls", len(w.Calls()), len(want))
}

func TestStartServesByHand(t *testing.T) {
	s, err := pingonetest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "URL", s.URL(), "http://"+s.Addr())
	app := addWith(s, pingonetest.RoleAssignment{Role: "Configuration Read Only"})
	basic(t, s, app.Environment, app.ID, app.Secret).want(t, 200)
	if _, err := pingonetest.Start(s.Addr()); err == nil {
		t.Error("second start at the same address: got no error, want one")
	}
	s.Close()
	s.Close()
	if _, err := trySend(t, "GET", s.URL()+"/", ""); err == nil {
		t.Error("call after Close: got a reply, want none")
	}
}

func TestRegenerationsAtOnceAreServedOneByOne(t *testing.T) {
	w := newWorld(t)
	app := w.AddApplication(pingonetest.Application{Type: "WEB_APP"})
	const n = 8
	secrets := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r, err := trySend(t, "POST", w.URL()+"/v1/environments/"+app.Environment+"/applications/"+app.ID+"/secret",
				retention(w.Now().Add(time.Hour)), "Authorization", "Bearer "+w.token, "Content-Type", jsonType)
			if err != nil {
				t.Error(err)
			}
			secrets[i] = r.at("secret")
		})
	}
	wg.Wait()
	check(t, "mints", w.Mints(app.Environment, app.ID), n)
	live := slices.DeleteFunc(secrets, func(s string) bool { return !w.Authenticates(app.Environment, app.ID, s) })
	check(t, "secrets that authenticate", len(live), 2)
}
