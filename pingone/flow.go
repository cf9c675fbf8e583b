package pingone

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// A Login says who signs on, and for what.
type Login struct {
	RedirectURI string // one of the application's, as registered; nothing is ever sent there
	Scope       string // separated by spaces
	Username    string
	Password    Secret
}

// signOn is the browser of one authorization: it keeps cookies, and takes from each
// redirect what the next step needs, but never follows one. So it cannot be sent away
// from the environment's own address.
type signOn struct {
	*Client
	auth    string // base URL
	cookies map[string]string
}

// AuthorizationCode obtains a token by the authorization-code grant (RFC 6749, section
// 4.1) with PKCE (RFC 7636), as "Configure an Application with an Authorization Code
// Grant" describes it, and without a browser: the user proves a password and nothing
// else. The code is exchanged with the application's credential, in exactly the form of
// its method.
//
// The error's operation is the step that failed. An error that is [IsTemporary] may be
// followed by another AuthorizationCode, which starts over; within one, steps that
// cannot be repeated safely are not repeated.
func (c *Client) AuthorizationCode(ctx context.Context, cred Credential, login Login) (*Token, error) {
	state, verifier := rand.Text(), rand.Text()+rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	exchange, err := c.asClient("exchange the authorization code", cred.Environment.TokenEndpoint(), cred, url.Values{
		"grant_type":    {"authorization_code"},
		"redirect_uri":  {login.RedirectURI},
		"code_verifier": {verifier},
	})
	if err != nil {
		return nil, err
	}
	exchange.once = true // PingOne takes a code once

	b := &signOn{Client: c, auth: cred.Environment.Auth, cookies: make(map[string]string)}
	flow, err := b.begin(ctx, login, state, url.Values{
		"response_type":         {"code"},
		"client_id":             {cred.ClientID},
		"redirect_uri":          {login.RedirectURI},
		"scope":                 {login.Scope},
		"state":                 {state},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	})
	if err != nil {
		return nil, err
	}
	if err := b.checkPassword(ctx, flow, login); err != nil {
		return nil, err
	}
	code, err := b.resume(ctx, flow, login, state)
	if err != nil {
		return nil, err
	}
	exchange.form.Set("code", code)
	return c.token(ctx, exchange)
}

// begin asks for the authorization and returns the id of the flow that leads to it.
func (b *signOn) begin(ctx context.Context, login Login, state string, form url.Values) (flow string, err error) {
	r := request{
		op:          "begin the authorization",
		method:      http.MethodPost,
		url:         b.auth + "/as/authorize",
		contentType: "application/x-www-form-urlencoded",
		body:        form.Encode(),
		success:     http.StatusFound,
	}
	got, err := b.do(ctx, r)
	if err != nil {
		return "", err
	}
	// The sign-on page may be on another host, but the flow is not.
	if location, err := url.Parse(got.location); err == nil && IsUUID(location.Query().Get("flowId")) {
		return location.Query().Get("flowId"), nil
	}
	if _, err := login.landing(r.op, got, state); err != nil {
		return "", err
	}
	return "", malformed(r.op, got)
}

// checkPassword completes the flow. See "Flows" in the PingOne authentication API
// reference.
func (b *signOn) checkPassword(ctx context.Context, flow string, login Login) error {
	r := get("read the sign-on flow")
	r.url = b.auth + "/flows/" + flow
	if err := b.expect(ctx, r, "USERNAME_PASSWORD_REQUIRED"); err != nil {
		return err
	}
	check, err := request{
		op:      "check the username and password",
		method:  http.MethodPost,
		url:     r.url,
		success: http.StatusOK,
		once:    true, // each wrong one counts towards locking the user out
	}.withJSON(map[string]string{"username": login.Username, "password": login.Password.Reveal()})
	if err != nil {
		return err
	}
	check.contentType = "application/vnd.pingidentity.usernamePassword.check+json"
	return b.expect(ctx, check, "COMPLETED")
}

// expect sends a request about the flow, and checks the flow's status afterwards.
func (b *signOn) expect(ctx context.Context, r request, want string) error {
	got, err := b.do(ctx, r)
	if err != nil {
		return err
	}
	var body struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(got.body, &body) != nil || !code.MatchString(body.Status) {
		return malformed(r.op, got)
	}
	if body.Status != want {
		return unexpected(r.op, got, "the flow is at %s, and should be at %s; this client can only check passwords", body.Status, want)
	}
	return nil
}

// resume ends the flow and returns the authorization code.
func (b *signOn) resume(ctx context.Context, flow string, login Login, state string) (code string, err error) {
	r := get("resume the authorization")
	r.url, r.success, r.once = b.auth+"/as/resume?flowId="+flow, http.StatusFound, true
	got, err := b.do(ctx, r)
	if err != nil {
		return "", err
	}
	query, err := login.landing(r.op, got, state)
	if err != nil {
		return "", err
	}
	if code = query.Get("code"); code == "" {
		return "", malformed(r.op, got)
	}
	return code, nil
}

// landing returns what PingOne tells the application by a redirect. The redirect must
// lead to the redirect URI and carry the state of this authorization (RFC 6749, section
// 10.12); a code sent to any other place is not for this client.
func (login Login) landing(op string, got *reply, state string) (url.Values, error) {
	separator := "?"
	if strings.Contains(login.RedirectURI, "?") {
		separator = "&"
	}
	query, ours := strings.CutPrefix(got.location, login.RedirectURI+separator)
	values, err := url.ParseQuery(query)
	if err != nil || !ours || values.Get("state") != state {
		return nil, unexpected(op, got, "PingOne redirects to another place than the redirect URI, or with another state")
	}
	if values.Has("error") {
		return nil, &Error{Op: op, Status: got.status, Code: code.FindString(values.Get("error"))}
	}
	return values, nil
}

// do is [Client.do], with cookies.
func (b *signOn) do(ctx context.Context, r request) (*reply, error) {
	r.cookies = b.cookies
	got, err := b.Client.do(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, cookie := range got.cookies {
		b.cookies[cookie.Name] = cookie.Value
	}
	return got, nil
}
