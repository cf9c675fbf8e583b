package pingonetest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/pingone/pingonetest"
)

// reply is an answer as a client sees it.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// at returns the string at a dotted path in the body, or "".
func (r reply) at(path string) string {
	var v any = r.body
	for name := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[name]
		case []any:
			v = nil
			if name == "0" && len(node) > 0 {
				v = node[0]
			}
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// send makes a call; headers come as name, value, name, value.
func send(t *testing.T, method, target, body string, headers ...string) reply {
	t.Helper()
	r, err := trySend(t, method, target, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return r
}

func trySend(t *testing.T, method, target, body string, headers ...string) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for h := range slices.Chunk(headers, 2) {
		req.Header.Set(h[0], h[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	return parsed(res, b), nil
}

func parsed(res *http.Response, body []byte) reply {
	r := reply{status: res.StatusCode, header: res.Header, text: string(body)}
	json.Unmarshal(body, &r.body)
	return r
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// basic asks for a token with the credentials in the header, form-encoded.
func basic(t *testing.T, s *pingonetest.Server, env, id, secret string, form ...string) reply {
	t.Helper()
	req := &http.Request{Header: http.Header{}}
	req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return send(t, "POST", s.URL()+"/"+env+"/as/token", grant(form...),
		"Content-Type", formType, "Authorization", req.Header.Get("Authorization"))
}

// grant is the body of a token request; parameters come as name, value.
func grant(form ...string) string {
	v := url.Values{"grant_type": {"client_credentials"}}
	for p := range slices.Chunk(form, 2) {
		v.Set(p[0], p[1])
	}
	return v.Encode()
}

// world is a server with an administrator who may do everything.
type world struct {
	*pingonetest.Server
	t     *testing.T
	admin pingonetest.Application
	token string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return worldOn(t, pingonetest.Run(t))
}

func worldOn(t *testing.T, s *pingonetest.Server) *world {
	t.Helper()
	w := &world{Server: s, t: t}
	w.admin = s.AddApplication(pingonetest.Application{
		Name: "admin", Roles: []pingonetest.RoleAssignment{{Role: "Environment Admin", ScopeType: "ORGANIZATION"}},
	})
	w.token = w.bearer(w.admin)
	return w
}

// bearer obtains an access token for an application.
func (w *world) bearer(a pingonetest.Application) string {
	w.t.Helper()
	r := basic(w.t, w.Server, a.Environment, a.ClientID, a.Secret)
	if r.status != 200 {
		w.t.Fatalf("token for %s: got %d %s, want 200", a.Name, r.status, r.text)
	}
	return r.at("access_token")
}

// api calls the platform API as the administrator.
func (w *world) api(method string, a pingonetest.Application, suffix, body string) reply {
	w.t.Helper()
	return w.apiAs(w.token, method, a, suffix, body)
}

func (w *world) apiAs(token, method string, a pingonetest.Application, suffix, body string) reply {
	w.t.Helper()
	return send(w.t, method, w.URL()+"/v1/environments/"+a.Environment+"/applications/"+a.ID+suffix, body,
		"Authorization", "Bearer "+token, "Content-Type", jsonType)
}

// in makes a call about an environment as the administrator; path follows the environment's
// URL.
func (w *world) in(env, method, path, body string) reply {
	w.t.Helper()
	return w.inAs(w.token, env, method, path, body)
}

func (w *world) inAs(token, env, method, path, body string) reply {
	w.t.Helper()
	return send(w.t, method, w.URL()+"/v1/environments/"+env+path, body, "Authorization", "Bearer "+token, "Content-Type", jsonType)
}

// page returns one member of each item of a collection that fits on one page.
func (r reply) page(t *testing.T, collection, member string) []string {
	t.Helper()
	r.want(t, 200)
	embedded, _ := r.body["_embedded"].(map[string]any)
	items, ok := embedded[collection].([]any)
	if !ok {
		t.Errorf("got %s, want a page of %s", r.text, collection)
	}
	var values []string
	for _, v := range items {
		values = append(values, fmt.Sprint(v.(map[string]any)[member]))
	}
	return values
}

func (w *world) regenerate(a pingonetest.Application, retain time.Duration) reply {
	w.t.Helper()
	return w.api("POST", a, "/secret", retention(w.Now().Add(retain)))
}

func retention(until time.Time) string {
	return `{"previous":{"expiresAt":"` + until.Format(time.RFC3339Nano) + `"}}`
}

// want compares the status of an answer and the values at some paths.
func (r reply) want(t *testing.T, status int, pathsAndValues ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("got %d %s, want status %d", r.status, r.text, status)
	}
	for p := range slices.Chunk(pathsAndValues, 2) {
		if got := r.at(p[0]); got != p[1] {
			t.Errorf("%s: got %q, want %q", p[0], got, p[1])
		}
	}
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// recorder is a TB that records what it is told instead of failing.
type recorder struct {
	*testing.T
	mu           sync.Mutex
	logs, errors []string
}

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// misuse is the value with which a recorder's Fatalf panics, to stop the caller as a test
// would.
type misuse string

func (r *recorder) Fatalf(format string, args ...any) { panic(misuse(fmt.Sprintf(format, args...))) }
