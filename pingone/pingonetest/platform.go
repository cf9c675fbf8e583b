package pingonetest

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

// environment holds what belongs to no single application.
type environment struct {
	id          string
	resources   []*resource
	populations []*population
	users       []*user

	policies      []*policy
	defaultPolicy *policy // never nil
}

// environment returns the environment with this id. It begins to exist when a test first
// seeds something in it.
func (s *Server) environment(id string) *environment {
	e := s.environments[id]
	if e == nil {
		standard := &policy{Policy{Environment: id, Name: "Single_Factor", Default: true}, newUUID()}
		e = &environment{id: id, resources: s.builtInResources(), policies: []*policy{standard}, defaultPolicy: standard}
		s.environments[id] = e
	}
	return e
}

// call is one call of the platform API, by a caller whose token is good.
type call struct {
	target appKey
	url    *url.URL
	path   func(wildcard string) string
	base   string // scheme and host by which the caller knows the server
	header http.Header
	body   []byte
	reads  bool // and changes nothing
	caller *application
	roles  []RoleAssignment // what the token conveys
	user   *user            // whose token it is, nil if it is the caller's own
	scopes []string         // of the token
	lag    fault.Lag
}

// created wraps what a function given to platform returns, to make its reply a 201.
type created struct{ body any }

// platform serves an operation of the platform API. Apply runs under the lock and returns
// what goes into the reply; nil makes it a 204. A body must be JSON or have one of the
// given media types.
func (s *Server) platform(pattern, operation string, apply func(*call) (any, *refusal), mediaTypes ...string) {
	mediaTypes = append(mediaTypes, "application/json")
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // already in memory
		hasBody := r.Method != http.MethodGet && r.Method != http.MethodDelete
		understood := !hasBody || slices.ContainsFunc(mediaTypes, func(t string) bool { return isMediaType(r.Header, t) })
		if !understood {
			s.complain(r, "content type %q", r.Header.Get("Content-Type"))
		}
		arrived := call{
			target: appKey{r.PathValue("env"), r.PathValue("app")},
			reads:  r.Method == http.MethodGet,
			url:    r.URL,
			path:   r.PathValue,
			base:   baseURL(r),
			header: r.Header,
			body:   body,
		}
		about := cmp.Or(r.PathValue("app"), r.PathValue("resource"), r.PathValue("user"), r.PathValue("env"))
		id := fault.Call{Operation: operation, Target: about, Trace: s.transactionID(r)}
		s.Serve(w, r, id, s.words(outranked()), func(fc fault.Call) fault.Reply {
			s.mu.Lock()
			defer s.mu.Unlock()
			applied := arrived
			c := &applied
			c.lag = fc.Lag
			if no := s.admit(c); no != nil {
				return no.reply()
			}
			if !understood {
				return unsupportedMedia().reply()
			}
			body, no := apply(c)
			if no != nil {
				return no.reply()
			}
			switch body := body.(type) {
			case nil:
				return fault.Reply{Status: http.StatusNoContent}
			case created:
				return jsonReply(http.StatusCreated, body.body)
			}
			return jsonReply(http.StatusOK, body)
		})
	})
}

// baseURL returns the scheme and host by which the caller knows the server. A handler
// behind TLS, as net/http/httptest's NewTLSServer makes one, knows it from the connection;
// one behind a proxy that ends TLS, from the header that the proxy adds.
func baseURL(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// admit counts the call and identifies the caller.
func (s *Server) admit(c *call) *refusal {
	now := s.Now()
	if s.limit.exceeded(now) {
		return s.throttled()
	}
	bearer, ok := strings.CutPrefix(c.header.Get("Authorization"), "Bearer ")
	token, known := s.tokens[bearer]
	if !ok || !known || !token.platform || !s.live(token) {
		return invalidToken()
	}
	c.caller, c.user, c.scopes = token.client, token.user, token.scopes
	for _, r := range token.roles {
		if s.assumed.TokensOutlive || slices.Contains(token.client.Roles, r) {
			c.roles = append(c.roles, r)
		}
	}
	return nil
}

// live reports whether a token has not expired, and its client still exists and is enabled.
func (s *Server) live(token accessToken) bool {
	if !s.Now().Before(token.expires) {
		return false
	}
	a := token.client
	return s.assumed.TokensOutlive || s.apps[appKey{a.Environment, a.ID}] == a && !a.Disabled
}

// enter returns the environment that a call is about, if the caller has the permission there.
func (s *Server) enter(c *call, permission string) (*environment, *refusal) {
	if !s.permitted(c.roles, permission, c.target) {
		return nil, forbidden()
	}
	e := s.environments[c.target.environment]
	if e == nil {
		return nil, notFound()
	}
	return e, nil
}

// reach returns the application that a call is about, if the caller has the permission
// there. A call that only reads gets the application as it sees it, which may be a former
// state; for a call that changes it, the application may not exist yet.
func (s *Server) reach(c *call, permission string) (*application, *refusal) {
	return s.reachSeen(c, permission, c.lag)
}

// reachOwner is reach for a call about something that lags by itself: the number of changes
// that it misses counts changes of that, not of the application.
func (s *Server) reachOwner(c *call, permission string) (*application, *refusal) {
	a, no := s.reachSeen(c, permission, fault.Lag{Age: c.lag.Age})
	if no == nil && s.apps[c.target] != nil {
		return s.apps[c.target], nil
	}
	return a, no
}

func (s *Server) reachSeen(c *call, permission string, lag fault.Lag) (*application, *refusal) {
	if !s.permitted(c.roles, permission, c.target) {
		return nil, forbidden()
	}
	a := s.apps[c.target]
	seen := s.pastApps.view(c.target.String(), a, s.Now(), lag)
	switch {
	case seen == nil || a == nil && !c.reads:
		return nil, notFound()
	case c.reads:
		return seen, nil
	}
	return a, nil
}

type href struct {
	Href string `json:"href"`
}

type reference struct {
	ID string `json:"id"`
}

// environmentURL returns the URL of the environment that the call is about.
func (c *call) environmentURL() string { return c.base + "/v1/environments/" + c.target.environment }

// maxPage is the most items on a page, and the number if no limit is asked for.
const maxPage = 100

// item is an element of a collection. Its body is made only for the page that shows it.
type item struct {
	id   string
	body func() any
}

// page returns a part of a collection: up to limit items after the cursor. The cursor is
// the last id of the page before, encoded so that no client builds one.
func (c *call) page(collection string, items []item) (any, *refusal) {
	query, limit := c.url.Query(), maxPage
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, invalidData("INVALID_PARAMETER", "limit", "must be a positive number")
		}
		limit = min(n, maxPage)
	}
	after, err := base64.RawURLEncoding.DecodeString(query.Get("cursor"))
	if err != nil {
		return nil, invalidData("INVALID_PARAMETER", "cursor", "is not a cursor")
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.id, b.id) })
	rest := slices.IndexFunc(items, func(i item) bool { return i.id > string(after) })
	if rest < 0 {
		rest = len(items)
	}
	part := items[rest:min(rest+limit, len(items))]
	self := c.base + c.url.Path
	links := map[string]href{"self": {self}}
	if rest+limit < len(items) {
		next := url.Values{"limit": {strconv.Itoa(limit)}, "cursor": {base64.RawURLEncoding.EncodeToString([]byte(part[limit-1].id))}}
		links["next"] = href{self + "?" + next.Encode()}
	}
	bodies := make([]any, len(part))
	for i := range part {
		bodies[i] = part[i].body()
	}
	return map[string]any{
		"_links": links, "_embedded": map[string]any{collection: bodies}, "count": len(items), "size": len(part),
	}, nil
}

// equals is the one kind of SCIM filter that this server knows (RFC 7644, section
// 3.4.2.2). The value is a JSON string.
var equals = regexp.MustCompile(`^([A-Za-z.]+) eq ("(?:[^"\\]|\\.)*")$`)

// filter returns the value that the call's filter wants the attribute to equal, if it has a
// filter.
func (c *call) filter(attribute string) (value string, filtered bool, no *refusal) {
	text := c.url.Query().Get("filter")
	if text == "" {
		return "", false, nil
	}
	m := equals.FindStringSubmatch(text)
	if m == nil || m[1] != attribute || json.Unmarshal([]byte(m[2]), &value) != nil {
		return "", false, invalidData("INVALID_FILTER", "filter", "is not understood")
	}
	return value, true, nil
}

// wireTime formats an instant as PingOne does, to the millisecond.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func isUUID(id string) bool { return uuidPattern.MatchString(id) }

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	return formatUUID(b, 4)
}

// derivedUUID returns the same UUID for the same parts, for what needs an id but has no
// state.
func derivedUUID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return formatUUID([16]byte(sum[:16]), 8)
}

func formatUUID(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
