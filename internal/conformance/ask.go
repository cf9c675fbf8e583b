package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pingrotate/internal/remedy"
	"pingrotate/pingone"
)

// object is a JSON object.
type object = map[string]any

// maxReply is the most bytes of an answer that are read.
const maxReply = 4 << 20

// callLimit is the most time that one request may take.
const callLimit = 30 * time.Second

// A pingOneInquiry asks PingOne.
type pingOneInquiry struct {
	*Inquiry
	suite *PingOne
}

// reply is an answer of PingOne or AWS.
type reply struct {
	status int
	header http.Header
	body   object
	items  []any // if the body is a JSON array
	sent   time.Time
	sum    uint32 // CRC-32 of the body of an answer of AWS
}

// request is a call to PingOne.
type request struct {
	method, url, contentType, auth string
	body                           []byte
	header                         http.Header
}

// send sends a request. It waits and sends the request again if PingOne asks to slow down.
// If there is no answer, it blocks the inquiry.
func (q *pingOneInquiry) send(r request) reply {
	for range 6 {
		if q.blocked() {
			return reply{}
		}
		got, err := q.suite.exchange(q.ctx, r)
		if err != nil {
			q.block("%s %s: %w", r.method, pathOf(r.url), err)
			return reply{}
		}
		got.sent = q.clock.now()
		if got.status != http.StatusTooManyRequests {
			return got
		}
		after, err := strconv.Atoi(got.header.Get("Retry-After"))
		if err != nil || after < 1 || after > 60 {
			after = 5
		}
		q.pause(time.Duration(after) * time.Second)
	}
	q.block("PingOne keeps asking to slow down")
	return reply{}
}

// pathOf returns the path of a URL, for messages.
func pathOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "?"
	}
	return u.Path
}

// exchange is [send] for PingOne.
func (p *PingOne) exchange(ctx context.Context, r request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return reply{}, errors.New("the URL cannot be called")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	for name, value := range map[string]string{"Content-Type": r.contentType, "Authorization": r.auth} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	got, body, err := send(p.HTTP, req)
	if err != nil {
		return reply{}, err
	}
	if json.Unmarshal(body, &got.body) != nil {
		json.Unmarshal(body, &got.items) // if it is not JSON, there is nothing to read
	}
	return got, nil
}

// at returns what the body has at a path, or nil if there is nothing.
func (r reply) at(path ...string) any {
	var v any = r.body
	for _, name := range path {
		switch node := v.(type) {
		case object:
			v = node[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// text is at for a string.
func (r reply) text(path ...string) string {
	s, _ := r.at(path...).(string)
	return s
}

// list returns a collection in the body.
func (r reply) list(collection string) []object {
	items, _ := r.at("_embedded", collection).([]any)
	var all []object
	for _, item := range items {
		if o, ok := item.(object); ok {
			all = append(all, o)
		}
	}
	return all
}

// code returns the error's code, of the API or of an OAuth endpoint.
func (r reply) code() string {
	if code := r.text("code"); code != "" {
		return code
	}
	return r.text("error")
}

// detail returns the code of the error's first detail.
func (r reply) detail() string { return r.text("details", "0", "code") }

// correlation matches what differs between two equal errors.
var correlation = regexp.MustCompile(`\(Correlation ID: [^)]*\)|[0-9a-f]{8}-[0-9a-f-]{27}`)

// words returns the error's message, without what differs each time and without anything
// that may be a secret.
func (r reply) words() string {
	said := r.text("error_description")
	if said == "" {
		said = r.text("message")
	}
	return masked(strings.TrimSpace(correlation.ReplaceAllString(said, "")))
}

var secretLike = regexp.MustCompile(`[A-Za-z0-9._~+/=-]{24,}`)

// word matches the code of an error, which may be as long as a secret.
var word = regexp.MustCompile(`^[A-Z][A-Za-z]{2,60}$|^[A-Za-z]+(_[A-Za-z]+)+$`)

// masked hides anything that may be a secret, and cuts a long text.
func masked(text string) string {
	text = secretLike.ReplaceAllString(text, "***")
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "…"
	}
	return text
}

// String says what the answer was, without any secret.
func (r reply) String() string {
	line := strconv.Itoa(r.status)
	for _, part := range []string{r.code(), r.detail(), r.text("details", "0", "target")} {
		switch {
		case part == "":
		case word.MatchString(part):
			line += " " + part
		default:
			line += " " + masked(part)
		}
	}
	if r.status >= 400 && r.words() != "" {
		line += " (" + r.words() + ")"
	}
	return line
}

// want notes a difference if the answer does not have the status and, unless it is "", the
// error's code.
func (q *pingOneInquiry) want(what string, r reply, status int, code string) {
	if q.blocked() || r.status == status && (code == "" || r.code() == code || r.detail() == code) {
		return
	}
	expected := strings.TrimSpace(strconv.Itoa(status) + " " + code)
	q.differ("%s: got %s, want %s", what, r, expected)
}

// api calls the platform API as the admin. The path is below the environment, unless it
// begins with /v1.
func (q *pingOneInquiry) api(method, path string, body any) reply {
	return q.as(q.adminToken(), method, path, body)
}

// as is api with another access token.
func (q *pingOneInquiry) as(token, method, path string, body any) reply {
	r := request{method: method, url: q.suite.Environment.API + path, auth: "Bearer " + token}
	if !strings.HasPrefix(path, "/v1") {
		r.url = q.suite.Environment.API + "/v1/environments/" + q.suite.Environment.ID + path
	}
	if body != nil {
		r.body, r.contentType = encode(body), "application/json"
	}
	got := q.send(r)
	q.keepTrack(method, path, got)
	return got
}

func encode(body any) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // maps of strings, numbers and lists
	}
	return text
}

func (q *pingOneInquiry) adminToken() string {
	if q.blocked() {
		return ""
	}
	token, err := q.suite.adminToken(q.ctx)
	if err != nil {
		q.block("obtain a token for the admin: %w", err)
		return ""
	}
	return token.Reveal()
}

// adminToken returns an access token of the admin that is valid for at least five minutes
// more.
func (p *PingOne) adminToken(ctx context.Context) (pingone.Secret, error) {
	if p.token != nil && p.Clock.now().Add(5*time.Minute).Before(p.token.ExpiresAt) {
		return p.token.AccessToken, nil
	}
	c := pingone.Client{Admin: p.Admin, HTTP: p.HTTP, Now: p.Clock.Now, Wait: p.Clock.Wait}
	t, err := c.Token(ctx, p.Admin, "")
	if err != nil {
		return pingone.Secret{}, err
	}
	p.token = t
	return t.AccessToken, nil
}

// removable are the collections whose members are created with a name of ours.
var removable = map[string]bool{"/applications": true, "/resources": true, "/populations": true, "/users": true}

// keepTrack makes sure that what was created is removed, even if it should have been
// refused.
func (q *pingOneInquiry) keepTrack(method, path string, got reply) {
	if id := got.text("id"); method == http.MethodPost && got.status == http.StatusCreated && removable[path] && id != "" {
		q.later(strings.Trim(path, "/")+"/"+id, func(ctx context.Context) error {
			return q.suite.inquiry(ctx, q.belief).remove(path + "/" + id)
		})
	}
}

// remove deletes something. If it is already gone, that is success.
func (q *pingOneInquiry) remove(path string) error {
	var last reply
	gone := q.eventually(func() bool {
		last = q.api(http.MethodDelete, path, nil)
		return last.status == http.StatusNoContent || last.status == http.StatusNotFound || last.status == http.StatusForbidden
	})
	if q.obstacle != nil {
		return q.obstacle
	}
	if !gone || last.status == http.StatusForbidden {
		return fmt.Errorf("PingOne answers %s", last)
	}
	return nil
}

// must sends a request that only prepares for the question. What was just created may not
// be known everywhere yet, so must repeats the request after a 404 or a server error. Any
// other refusal blocks the inquiry.
func (q *pingOneInquiry) must(method, path string, body any) reply {
	var r reply
	q.eventually(func() bool {
		r = q.api(method, path, body)
		return r.status != http.StatusNotFound && r.status < 500
	})
	switch {
	case q.blocked() || r.status/100 == 2:
	case r.status == http.StatusForbidden:
		q.block("%w", remedy.Errorf("give the admin's worker application the roles that it needs in that environment; docs/conformance.md lists them",
			"%s %s: got %s", method, shortened(path), r))
	default:
		q.block("%s %s: got %s", method, shortened(path), r)
	}
	return r
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// shortened returns a path without its query, with "…" for each id.
func shortened(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return ids.ReplaceAllString(path, "…")
}

// listAll returns all members of a collection.
func (q *pingOneInquiry) listAll(path string) []object {
	var all []object
	collection, query, _ := strings.Cut(strings.TrimPrefix(path, "/"), "?")
	for range 100 {
		if query != "" {
			path = "/" + collection + "?" + query
		}
		r := q.must(http.MethodGet, path, nil)
		all = append(all, r.list(collection)...)
		next, err := url.Parse(r.text("_links", "next", "href"))
		if query = next.RawQuery; err != nil || query == "" {
			return all
		}
	}
	q.block("%s has more than 100 pages", collection)
	return all
}

// filter returns a SCIM filter for an attribute that equals a value, escaped for a URL.
func filter(attribute, value string) string {
	return url.QueryEscape(attribute + " eq " + strconv.Quote(value))
}
