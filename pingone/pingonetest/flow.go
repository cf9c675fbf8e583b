package pingonetest

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

const (
	flowLife = 15 * time.Minute
	codeLife = 10 * time.Minute

	mustChangePassword = "MUST_CHANGE_PASSWORD"
	passwordRequired   = "USERNAME_PASSWORD_REQUIRED"
	otpRequired        = "OTP_REQUIRED"
	flowCompleted      = "COMPLETED"
)

// flow is one sign-on, from the authorization request to the code.
type flow struct {
	id, environment string
	client          *application
	redirectURI     string
	state, nonce    string
	custom          *entitlement // the resource that the token will be for, nil for the PingOne API
	scopes          []string
	challenge, hash string // of PKCE (RFC 7636); the hash is "plain" or "S256"
	session         string // the ST cookie of the browser that began it
	status          string
	user            *user     // nil until the password was right
	expires         time.Time // of the flow, and then of its code
}

// step is a request of the browser.
type step struct {
	authority
	path   string // of the environment, for cookies
	flowID string
	form   url.Values
	header http.Header
	body   []byte
	cookie string // ST
}

func (s *Server) flowRoutes() {
	s.browser("GET", "/as/authorize", OpAuthorize, s.authorize)
	s.browser("POST", "/as/authorize", OpAuthorize, s.authorize)
	s.browser("GET", "/flows/{flow}", OpReadFlow, s.readFlow)
	s.browser("POST", "/flows/{flow}", OpSubmitFlow, s.checkPassword)
	s.browser("GET", "/as/resume", OpResume, s.resume)
}

// browser serves a step of a sign-on. Apply runs under the lock.
func (s *Server) browser(method, path, operation string, apply func(*step) (fault.Reply, *refusal)) {
	s.underEnvironment(method, path, func(w http.ResponseWriter, r *http.Request, at authority) {
		t := &step{authority: at, header: r.Header, form: r.URL.Query()}
		t.path = strings.TrimSuffix(strings.TrimPrefix(at.issuer, at.api), "as")
		t.body, _ = io.ReadAll(r.Body) // already in memory
		if isMediaType(r.Header, "application/x-www-form-urlencoded") {
			t.form, _ = url.ParseQuery(string(t.body)) // what cannot be parsed is missing
		}
		t.flowID = r.PathValue("flow")
		if t.flowID == "" {
			t.flowID = t.form.Get("flowId")
		}
		if cookie, err := r.Cookie("ST"); err == nil {
			t.cookie = cookie.Value
		}
		about := t.flowID
		if about == "" {
			about = t.form.Get("client_id")
		}
		call := fault.Call{Operation: operation, Target: about, Trace: s.transactionID(r)}
		s.Answer(w, r, call, s.words(invalidToken()), func() fault.Reply {
			s.mu.Lock()
			defer s.mu.Unlock()
			reply, no := apply(t)
			if no != nil {
				return no.reply()
			}
			return reply
		})
	})
}

// authorize begins a flow (RFC 6749, section 4.1.1). Until the redirect URI is
// known to be the client's, an error goes to the browser and nowhere else.
func (s *Server) authorize(t *step) (fault.Reply, *refusal) {
	a, redirectURI := s.client(t.environment, t.form.Get("client_id")), t.form.Get("redirect_uri")
	switch {
	case a == nil || a.Disabled:
		return fault.Reply{}, invalidData("INVALID_VALUE", "client_id", "is not an application of the environment")
	case !slices.Contains(a.RedirectURIs, redirectURI):
		return fault.Reply{}, invalidData("INVALID_VALUE", "redirect_uri", "is not registered")
	}
	f := &flow{
		id: newUUID(), environment: t.environment, client: a, redirectURI: redirectURI,
		state: t.form.Get("state"), nonce: t.form.Get("nonce"), scopes: strings.Fields(t.form.Get("scope")),
		challenge: t.form.Get("code_challenge"), hash: t.form.Get("code_challenge_method"),
		session: newUUID(), status: passwordRequired, expires: s.Now().Add(flowLife),
	}
	if f.challenge != "" && f.hash == "" {
		f.hash = "plain"
	}
	pkce := a.settings["pkceEnforcement"]
	var problem string
	f.custom, problem = oneCustom(s.entitlements(a), f.scopes)
	switch {
	case t.form.Get("response_type") != "code":
		return f.fail("unsupported_response_type", "Unsupported response type"), nil
	case !slices.Contains(a.ResponseTypes, "CODE") || !slices.Contains(a.GrantTypes, grantAuthorizationCode):
		return f.fail("unauthorized_client", msgUnsupportedGrant+"authorization_code"), nil
	case f.challenge == "" && pkce != pkceOptional,
		f.challenge != "" && f.hash != "S256" && (f.hash != "plain" || pkce == pkceS256):
		return f.fail("invalid_request", "A code challenge is required"), nil
	case problem != "" || len(f.scopes) == 0:
		return f.fail("invalid_scope", msgNoScope), nil
	}
	s.flows[f.id] = f
	return f.signOn(t), nil
}

// fail sends the browser back to the client with an error.
func (f *flow) fail(code, description string) fault.Reply {
	return f.back(url.Values{"error": {code}, "error_description": {description}})
}

func (f *flow) back(result url.Values) fault.Reply {
	if f.state != "" {
		result.Set("state", f.state)
	}
	separator := "?"
	if strings.Contains(f.redirectURI, "?") {
		separator = "&"
	}
	return redirect(f.redirectURI + separator + result.Encode())
}

// signOn sends the browser to the page that asks for the password. PingOne hosts it
// elsewhere, and this server has none: a client takes the flow's id from the URL.
func (f *flow) signOn(t *step) fault.Reply {
	query := url.Values{"environmentId": {f.environment}, "flowId": {f.id}}
	return f.remember(t, redirect(t.api+"/"+f.environment+"/signon/?"+query.Encode()))
}

func redirect(location string) fault.Reply {
	return fault.Reply{Status: http.StatusFound, Header: http.Header{"Location": {location}, "Cache-Control": {"no-store"}}}
}

// remember gives the browser the cookie that identifies it.
func (f *flow) remember(t *step, reply fault.Reply) fault.Reply {
	cookie := http.Cookie{Name: "ST", Value: f.session, Path: t.path, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	reply.Header.Set("Set-Cookie", cookie.String())
	return reply
}

// flow returns the flow that a step is about, if the browser is the one that began it.
func (s *Server) flow(t *step) (*flow, *refusal) {
	f := s.flows[t.flowID]
	if f == nil || f.environment != t.environment || !s.Now().Before(f.expires) {
		return nil, notFound()
	}
	if t.cookie != f.session {
		return nil, invalidToken()
	}
	return f, nil
}

func (s *Server) readFlow(t *step) (fault.Reply, *refusal) {
	f, no := s.flow(t)
	if no != nil {
		return fault.Reply{}, no
	}
	return jsonReply(http.StatusOK, f.body(t)), nil
}

func (f *flow) body(t *step) any {
	self := strings.TrimSuffix(t.issuer, "as") + "flows/" + f.id
	links := map[string]href{"self": {self}}
	if f.status == passwordRequired {
		links["usernamePassword.check"] = href{self}
	}
	return struct {
		Links       map[string]href `json:"_links"`
		ID          string          `json:"id"`
		Environment reference       `json:"environment"`
		Status      string          `json:"status"`
		ResumeURL   string          `json:"resumeUrl"`
		ExpiresAt   string          `json:"expiresAt"`
	}{links, f.id, reference{f.environment}, f.status, t.issuer + "/resume?flowId=" + f.id, wireTime(f.expires)}
}

// checkPassword completes a flow. The browser then gets a new session, so that an attacker
// who planted the first one is not signed on too.
func (s *Server) checkPassword(t *step) (fault.Reply, *refusal) {
	f, no := s.flow(t)
	if no != nil {
		return fault.Reply{}, no
	}
	if !isMediaType(t.header, "application/vnd.pingidentity.usernamePassword.check+json") {
		return fault.Reply{}, unsupportedMedia()
	}
	if f.status != passwordRequired {
		return fault.Reply{}, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
	}
	given, no := readFields(t.body)
	if no != nil {
		return fault.Reply{}, no
	}
	username, password := given.require("username"), given.require("password")
	if no := given.refusal(); no != nil {
		return fault.Reply{}, no
	}
	users := s.environments[f.environment].users
	i := slices.IndexFunc(users, func(u *user) bool { return strings.EqualFold(u.username, username) })
	if i < 0 || users[i].disabled || users[i].password != password {
		return fault.Reply{}, invalidData("INVALID_CREDENTIALS", "password", "is not right for this username")
	}
	f.status = flowCompleted
	if users[i].mustChange {
		f.status = mustChangePassword
		return jsonReply(http.StatusOK, f.body(t)), nil
	}
	if s.policyOf(f.client).MFA {
		f.status = otpRequired // no client here can prove more than a password
		return jsonReply(http.StatusOK, f.body(t)), nil
	}
	f.user, f.session = users[i], newUUID()
	return f.remember(t, jsonReply(http.StatusOK, f.body(t))), nil
}

// resume ends a flow with a code for the client, or continues one that is not complete.
func (s *Server) resume(t *step) (fault.Reply, *refusal) {
	f, no := s.flow(t)
	if no != nil {
		return fault.Reply{}, no
	}
	if f.user == nil {
		return f.signOn(t), nil
	}
	delete(s.flows, f.id)
	code := newUUID()
	f.expires = s.Now().Add(codeLife)
	s.codes[code] = f
	s.issued = append(s.issued, code)
	return f.back(url.Values{"code": {code}}), nil
}

// redeem exchanges a code for tokens (RFC 6749, section 4.1.3). A code is gone after its
// client's first attempt, whatever the result.
func (s *Server) redeem(a *application, t *clientRequest) (any, *refusal) {
	code := t.form.Get("code")
	f := s.codes[code]
	denied := refuseClient(http.StatusBadRequest, "invalid_grant", msgBadCode)
	if f == nil || f.client != a {
		return nil, denied
	}
	delete(s.codes, code)
	verifier := t.form.Get("code_verifier")
	if f.hash == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if !s.Now().Before(f.expires) || t.form.Get("redirect_uri") != f.redirectURI || f.challenge != "" && verifier != f.challenge {
		return nil, denied
	}
	return s.issueToken(ticket{authority: t.authority, client: a, custom: f.custom, scopes: f.scopes, user: f.user, nonce: f.nonce})
}
