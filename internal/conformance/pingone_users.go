package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// userProbes are about users and how they sign on.
var userProbes = []pingOneProbe{
	{"B63", false, (*pingOneInquiry).whatAUserTakes},
	{"B64", false, (*pingOneInquiry).attributesOfAUser},
	{"B65", false, (*pingOneInquiry).passwordsAreSet},
	{"B66", false, (*pingOneInquiry).authorizationRequests},
	{"B67", false, (*pingOneInquiry).flowsAreOneBrowsers},
	{"B68", false, (*pingOneInquiry).refusedSignOnsLookAlike},
	{"B69", false, (*pingOneInquiry).codesAreRedeemedOnce},
	{"B70", false, (*pingOneInquiry).codeChallenges},
	{"B71", false, (*pingOneInquiry).usersReachThemselves},
	{"B72", false, (*pingOneInquiry).scopesOfOneResource},
	{"B74", false, (*pingOneInquiry).usersAreFound},
	{"B75", false, (*pingOneInquiry).filtersAreStrict},
	{"B76", false, (*pingOneInquiry).passwordIsNotShown},
	{"B81", false, (*pingOneInquiry).mappingsBecomeClaims},
	{"B83", false, (*pingOneInquiry).userInfoAnswers},
	{"B86", false, (*pingOneInquiry).partsAreRemoved},
}

// A person is a user that was created for a probe.
type person struct{ id, username, password, population string }

func (q *pingOneInquiry) population() string {
	return q.must(http.MethodPost, "/populations", object{"name": q.name(), "description": marker}).text("id")
}

func (q *pingOneInquiry) userBody(population string) object {
	name := q.name()
	return object{
		"username": name, "email": name + "@example.com", "population": object{"id": population},
		"name": object{"given": "Conformance", "family": "Probe"},
	}
}

// person creates a user who can sign on.
func (q *pingOneInquiry) person() person {
	p := person{population: q.population(), password: "Aa1!" + rand.Text()}
	body := q.userBody(p.population)
	p.username = body["username"].(string)
	p.id = q.must(http.MethodPost, "/users", body).text("id")
	r := q.setPassword(p.id, object{"value": p.password, "forceChange": false})
	if !q.blocked() && r.status/100 != 2 {
		q.block("set a password: got %s", r)
	}
	return p
}

func (q *pingOneInquiry) setPassword(user string, body object) (r reply) {
	q.eventually(func() bool {
		r = q.send(request{
			method: http.MethodPut, contentType: "application/vnd.pingidentity.password.set+json", auth: "Bearer " + q.adminToken(), body: encode(body),
			url: q.suite.Environment.API + "/v1/environments/" + q.suite.Environment.ID + "/users/" + user + "/password",
		})
		return r.status != http.StatusNotFound
	})
	return r
}

func (q *pingOneInquiry) whatAUserTakes() {
	population := q.population()
	good := q.userBody(population)
	without := func(name string) object {
		body := q.userBody(population)
		delete(body, name)
		return body
	}
	q.must(http.MethodPost, "/users", good)
	for _, name := range []string{"username", "email", "population"} {
		q.want("a user without "+name, q.api(http.MethodPost, "/users", without(name)), http.StatusBadRequest, "")
	}
	twin := q.userBody(population)
	twin["username"] = strings.ToUpper(good["username"].(string))
	q.want("a user of the same name in capitals", q.api(http.MethodPost, "/users", twin), http.StatusBadRequest, "")
	token := q.bearer(q.worker(environmentAdmin))
	q.want("an Environment Admin creates a user", q.as(token, http.MethodPost, "/users", q.userBody(population)), http.StatusForbidden, "")
}

func (q *pingOneInquiry) attributesOfAUser() {
	p := q.person()
	q.must(http.MethodPatch, "/users/"+p.id, object{"title": "Tester", "nickname": "probe"})
	r := q.must(http.MethodPatch, "/users/"+p.id, object{"title": nil, "enabled": false})
	if q.blocked() {
		return
	}
	if r.at("title") != nil {
		q.differ("an attribute that is null stays")
	}
	if r.text("nickname") != "probe" {
		q.differ("an attribute that PATCH does not name is gone")
	}
	if r.at("enabled") != true {
		q.differ("PATCH turns a user off")
	}
}

func (q *pingOneInquiry) passwordsAreSet() {
	p := q.person()
	status := func() string { return q.must(http.MethodGet, "/users/"+p.id+"/password", nil).text("status") }
	if s := status(); !q.blocked() && s != "OK" {
		q.differ("the state of a password is %s, want OK", masked(s))
	}
	r := q.setPassword(p.id, object{"value": "Bb2?" + rand.Text(), "forceChange": true})
	q.want("set a password", r, http.StatusOK, "")
	if s := status(); !q.blocked() && s != "MUST_CHANGE_PASSWORD" {
		q.differ("the state of a password that must be changed is %s", masked(s))
	}
}

func (q *pingOneInquiry) authorizationRequests() {
	c := q.website(nil, "OPENID_CONNECT", "openid")
	q.begin(c, nil)
	_, elsewhere := q.authorize(c, url.Values{"redirect_uri": {"https://elsewhere.example.com/"}})
	if !q.blocked() && location(elsewhere).Host == "elsewhere.example.com" {
		q.differ("a browser is sent to a redirect URI that is not registered")
	}
	_, scope := q.authorize(c, url.Values{"scope": {"openid no-such-scope"}})
	if back := landed(scope); !q.blocked() && (back.Get("error") == "" || back.Get("state") != "state-of-ours") {
		q.differ("a scope that is not granted does not send an error with the state to the redirect URI")
	}
}

func (q *pingOneInquiry) flowsAreOneBrowsers() {
	c, p := q.website(nil, "OPENID_CONNECT", "openid"), q.person()
	b := q.begin(c, nil)
	stranger := &browser{q: q, flow: b.flow}
	if r := stranger.send(http.MethodGet, "/flows/"+b.flow, "", nil); !q.blocked() && r.status/100 != 4 {
		q.differ("a flow is shown to another browser")
	}
	before := b.cookie
	b.password(p.username, p.password)
	if !q.blocked() && b.cookie == before {
		q.differ("the session is the same before and after the sign-on")
	}
	if code := landed(b.resume()).Get("code"); code == "" {
		q.block("sign on: there is no code")
	}
	if again := landed(b.resume()).Get("code"); again != "" {
		q.differ("a flow is resumed twice")
	}
}

func (q *pingOneInquiry) refusedSignOnsLookAlike() {
	c, p := q.website(nil, "OPENID_CONNECT", "openid"), q.person()
	wrong := q.begin(c, nil).password(p.username, randomSecret())
	unknown := q.begin(c, nil).password(q.name(), randomSecret())
	q.want("a wrong password", wrong, http.StatusBadRequest, "INVALID_CREDENTIALS")
	q.want("an unknown user", unknown, http.StatusBadRequest, "INVALID_CREDENTIALS")
	if wrong.String() != unknown.String() {
		q.differ("the two are refused in different words: %s, %s", wrong, unknown)
	}
}

func (q *pingOneInquiry) codesAreRedeemedOnce() {
	c, p := q.website(nil, "OPENID_CONNECT", "openid"), q.person()
	code := q.signOn(c, p, nil)
	wrong := c
	wrong.secret = randomSecret()
	q.want("redeem a code with a wrong secret", q.redeem(wrong, code, nil), http.StatusUnauthorized, "invalid_client")
	q.want("redeem a code", q.redeem(c, code, nil), http.StatusOK, "")
	q.want("redeem it again", q.redeem(c, code, nil), http.StatusBadRequest, "invalid_grant")
	elsewhere := q.redeem(c, q.signOn(c, p, nil), url.Values{"redirect_uri": {"https://elsewhere.example.com/"}})
	q.want("redeem a code for another redirect URI", elsewhere, http.StatusBadRequest, "invalid_grant")
}

func (q *pingOneInquiry) codeChallenges() {
	c, p := q.website(object{"pkceEnforcement": "S256_REQUIRED"}, "OPENID_CONNECT", "openid"), q.person()
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	hashed := url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	q.begin(c, hashed)
	for what, more := range map[string]url.Values{
		"without a code challenge":    nil,
		"with a plain code challenge": {"code_challenge": {verifier}, "code_challenge_method": {"plain"}},
	} {
		if b, _ := q.authorize(c, more); !q.blocked() && b.flow != "" {
			q.differ("a sign-on begins %s, which is not enough here", what)
		}
	}
	q.want("a wrong verifier", q.redeem(c, q.signOn(c, p, hashed), url.Values{"code_verifier": {randomSecret() + randomSecret()}}), http.StatusBadRequest, "")
	q.want("the right verifier", q.redeem(c, q.signOn(c, p, hashed), url.Values{"code_verifier": {verifier}}), http.StatusOK, "")
}

func (q *pingOneInquiry) usersReachThemselves() {
	c, p := q.website(nil, "PINGONE_API", "p1:read:user"), q.person()
	other := q.must(http.MethodPost, "/users", q.userBody(p.population)).text("id")
	token := q.userTokens(c, p).text("access_token")
	q.want("a user reads their own record", q.as(token, http.MethodGet, "/users/"+p.id, nil), http.StatusOK, "")
	q.want("a user reads another's record", q.as(token, http.MethodGet, "/users/"+other, nil), http.StatusForbidden, "")
	q.want("a user writes without the scope for it", q.as(token, http.MethodPatch, "/users/"+p.id, object{"title": "x"}), http.StatusForbidden, "")
}

func (q *pingOneInquiry) scopesOfOneResource() {
	c, p := q.website(nil, "PINGONE_API", "p1:read:user"), q.person()
	resource, scopeID, scope := q.custom(nil)
	q.grant(c, resource, scopeID)
	c.scope = scope
	token := q.userTokens(c, p).text("access_token")
	if _, claims := q.claimsOf(token); !q.blocked() && claims["p1.rid"] != resource {
		q.differ("a user's token for a scope of a custom resource is not for that resource")
	}
	if b, _ := q.authorize(c, url.Values{"scope": {scope + " p1:read:user"}}); !q.blocked() && b.flow != "" {
		q.differ("a sign-on mixes scopes of a custom resource and of the PingOne API")
	}
}

func (q *pingOneInquiry) usersAreFound() {
	p := q.person()
	name := q.must(http.MethodGet, "/populations/"+p.population, nil).text("name")
	found := func(path string) []object {
		collection, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "?")
		return q.listBelow(path, collection)
	}
	for what, path := range map[string]string{
		"a user by username": "/users?filter=" + filter("username", p.username), "users by their population": "/users?filter=" + filter("population.id", p.population),
		"a population by name": "/populations?filter=" + filter("name", name),
	} {
		var all []object
		q.eventually(func() bool { all = found(path); return len(all) == 1 })
		if !q.blocked() && len(all) != 1 {
			q.differ("find %s: found %d, want 1", what, len(all))
		}
	}
	if all := found("/users?filter=" + filter("username", q.name())); !q.blocked() && len(all) != 0 {
		q.differ("find a user that does not exist: found %d", len(all))
	}
}

func (q *pingOneInquiry) filtersAreStrict() {
	p := q.person()
	upper := q.api(http.MethodGet, "/users?filter="+filter("username", strings.ToUpper(p.username)), nil)
	if !q.blocked() && len(upper.list("users")) != 0 {
		q.differ("a filter finds a username in capitals, which is better than believed")
	}
	q.want("a filter that is not one", q.api(http.MethodGet, "/users?filter="+url.QueryEscape("no filter at all"), nil), http.StatusBadRequest, "")
}

func (q *pingOneInquiry) passwordIsNotShown() {
	id := q.must(http.MethodPost, "/users", q.userBody(q.population())).text("id")
	if r := q.must(http.MethodGet, "/users/"+id+"/password", nil); !q.blocked() && r.text("status") != "NO_PASSWORD" {
		q.differ("the state of a password that does not exist is %s", masked(r.text("status")))
	}
	secret := "Cc3$" + rand.Text()
	q.setPassword(id, object{"value": secret})
	r := q.must(http.MethodGet, "/users/"+id+"/password", nil)
	if !q.blocked() && strings.Contains(string(encode(r.body)), secret) {
		q.differ("the state of a password shows the password")
	}
}

func (q *pingOneInquiry) mappingsBecomeClaims() {
	c, p := q.website(nil, "OPENID_CONNECT", "openid"), q.person()
	q.must(http.MethodPost, c.path("/attributes"), object{"name": "login_of_mine", "value": "${user.username}"})
	q.must(http.MethodPost, c.path("/attributes"), object{"name": "not_in_userinfo", "value": "${user.username}", "userInfo": false})
	r := q.userTokens(c, p)
	_, claims := q.claimsOf(r.text("id_token"))
	info := q.userInfo(r.text("access_token"))
	if q.blocked() {
		return
	}
	if claims["login_of_mine"] != p.username {
		q.differ("a mapping is missing in the ID token")
	}
	if info.text("login_of_mine") != p.username {
		q.differ("a mapping is missing in userinfo")
	}
	if info.at("not_in_userinfo") != nil {
		q.differ("a mapping that is not for userinfo is there")
	}
}

func (q *pingOneInquiry) userInfo(token string) reply {
	r := request{method: http.MethodGet, url: q.suite.Environment.Auth + "/as/userinfo"}
	if token != "" {
		r.auth = "Bearer " + token
	}
	return q.send(r)
}

func (q *pingOneInquiry) userInfoAnswers() {
	c, p := q.website(nil, "OPENID_CONNECT", "openid"), q.person()
	r := q.userInfo(q.userTokens(c, p).text("access_token"))
	q.want("userinfo", r, http.StatusOK, "")
	if r.status == http.StatusOK && r.text("sub") != p.id {
		q.differ("userinfo does not name the user")
	}
	q.want("userinfo without a token", q.userInfo(""), http.StatusUnauthorized, "")
}

func (q *pingOneInquiry) partsAreRemoved() {
	p := q.person()
	resource, scopeID, _ := q.custom(nil)
	attribute := q.must(http.MethodPost, "/resources/"+resource+"/attributes", object{"name": "colour", "value": "blue"}).text("id")
	for _, part := range []struct{ what, path string }{
		{"a scope", "/resources/" + resource + "/scopes/" + scopeID}, {"an attribute", "/resources/" + resource + "/attributes/" + attribute},
		{"a user", "/users/" + p.id}, {"a population", "/populations/" + p.population},
	} {
		q.want("remove "+part.what, q.api(http.MethodDelete, part.path, nil), http.StatusNoContent, "")
	}
}
