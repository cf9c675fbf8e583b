package conformance

import (
	"net/http"
	"net/url"
	"strings"
)

// landing is where a browser is sent with the code. No request is ever sent there.
const landing = "https://pingrotate.example.com/landing"

// website creates an application that users sign on to, with grants for scopes of the
// resource of this type.
func (q *pingOneInquiry) website(changes object, resourceType string, scopes ...string) client {
	settings := object{"grantTypes": []string{"AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"}, "redirectUris": []string{landing}, "pkceEnforcement": "OPTIONAL"}
	for name, value := range changes {
		settings[name] = value
	}
	c := q.application(settings)
	q.grantBuiltIn(c, resourceType, scopes...)
	c.scope = strings.Join(scopes, " ")
	return c
}

func (q *pingOneInquiry) grantBuiltIn(c client, resourceType string, scopes ...string) {
	for _, r := range q.listAll("/resources") {
		if r["type"] == resourceType {
			id, _ := r["id"].(string)
			var ids []string
			for _, name := range scopes {
				ids = append(ids, q.scopeID(id, name))
			}
			q.grant(c, id, ids...)
			return
		}
	}
	q.block("there is no resource of type %s", resourceType)
}

// A browser signs on.
type browser struct {
	q      *pingOneInquiry
	cookie string
	flow   string
}

// send sends a request as the browser, and keeps the cookie that it receives.
func (b *browser) send(method, path, contentType string, body []byte) reply {
	header := http.Header{}
	if b.cookie != "" {
		header.Set("Cookie", b.cookie)
	}
	r := b.q.send(request{method: method, url: b.q.suite.Environment.Auth + path, contentType: contentType, body: body, header: header})
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if c.Name == "ST" {
			b.cookie = "ST=" + c.Value
		}
	}
	return r
}

// authorize begins a sign-on.
func (q *pingOneInquiry) authorize(c client, more url.Values) (*browser, reply) {
	form := url.Values{"response_type": {"code"}, "client_id": {c.id}, "redirect_uri": {landing}, "scope": {c.scope}, "state": {"state-of-ours"}}
	for name, values := range more {
		form[name] = values
	}
	b := &browser{q: q}
	r := b.send(http.MethodPost, "/as/authorize", "application/x-www-form-urlencoded", []byte(form.Encode()))
	b.flow = location(r).Query().Get("flowId")
	return b, r
}

func location(r reply) *url.URL {
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil {
		return &url.URL{}
	}
	return u
}

// landed returns the parameters with which the browser was sent back to the client.
func landed(r reply) url.Values {
	if u := location(r); strings.HasPrefix(u.String(), landing+"?") {
		return u.Query()
	}
	return nil
}

// begin is authorize for a sign-on that should succeed.
func (q *pingOneInquiry) begin(c client, more url.Values) *browser {
	var b *browser
	var r reply
	if !q.eventually(func() bool { b, r = q.authorize(c, more); return b.flow != "" }) {
		q.block("begin a sign-on: got %s", r)
	}
	b.send(http.MethodGet, "/flows/"+b.flow, "", nil)
	return b
}

func (b *browser) password(username, password string) reply {
	return b.send(http.MethodPost, "/flows/"+b.flow, "application/vnd.pingidentity.usernamePassword.check+json",
		encode(object{"username": username, "password": password}))
}

func (b *browser) resume() reply { return b.send(http.MethodGet, "/as/resume?flowId="+b.flow, "", nil) }

// signOn signs a person on, and returns the code.
func (q *pingOneInquiry) signOn(c client, p person, more url.Values) string {
	b := q.begin(c, more)
	r := b.password(p.username, p.password)
	if !q.blocked() && r.text("status") != "COMPLETED" {
		q.block("sign on: got %s %s; does the environment's policy ask for more than a password?", r, masked(r.text("status")))
	}
	code := landed(b.resume()).Get("code")
	if !q.blocked() && code == "" {
		q.block("sign on: there is no code")
	}
	return code
}

func (q *pingOneInquiry) redeem(c client, code string, more url.Values) reply {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {landing}}
	for name, values := range more {
		form[name] = values
	}
	c.scope = ""
	return q.token(c, c.secret, form)
}

// userTokens signs a person on and redeems the code.
func (q *pingOneInquiry) userTokens(c client, p person) reply {
	r := q.redeem(c, q.signOn(c, p, nil), nil)
	if !q.blocked() && r.status != http.StatusOK {
		q.block("redeem a code: got %s", r)
	}
	return r
}
