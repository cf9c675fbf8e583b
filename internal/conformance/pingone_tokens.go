package conformance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tokenProbes are about access to the API, and about tokens.
var tokenProbes = []pingOneProbe{
	{"B18", true, (*pingOneInquiry).rolesOfALiveToken},
	{"B19", true, (*pingOneInquiry).badTokensAreRefused},
	{"B20", false, (*pingOneInquiry).tokensOutliveSecrets},
	{"B21", false, (*pingOneInquiry).adminOfAnotherEnvironment},
	{"B23", false, (*pingOneInquiry).formOfAnError},
	{"B77", true, (*pingOneInquiry).readsLag},
	{"B25", false, (*pingOneInquiry).anyTransactionID},
	{"B26", false, (*pingOneInquiry).credentialsInOnePlace},
	{"B27", false, (*pingOneInquiry).refusalsLookAlike},
	{"B28", false, (*pingOneInquiry).otherMethodIsRefused},
	{"B29", false, (*pingOneInquiry).disabledApplication},
	{"B30", true, (*pingOneInquiry).clientIsJudgedFirst},
	{"B31", false, (*pingOneInquiry).basicIsFormEncoded},
	{"B32", false, (*pingOneInquiry).tokenForTheAPI},
	{"B33", false, (*pingOneInquiry).tokenForAResource},
	{"B35", true, (*pingOneInquiry).newSecretSettles},
	{"B79", false, (*pingOneInquiry).typeOfAToken},
	{"B36", false, (*pingOneInquiry).signatureVerifies},
	{"B85", false, (*pingOneInquiry).unknownVerb},
}

// applicationsPath is a read that needs a role for applications.
const applicationsPath = "/applications?limit=1"

func (q *pingOneInquiry) rolesOfALiveToken() {
	c := q.worker(applicationDeveloper)
	extra := q.give(c, identityDataAdmin, "ENVIRONMENT", q.suite.Environment.ID)
	token := q.bearer(c)
	if !q.eventually(func() bool { return q.as(token, http.MethodGet, "/populations?limit=1", nil).status == http.StatusOK }) {
		token = q.bearer(c) // the first one may be older than the role
	}
	q.must(http.MethodDelete, c.path("/roleAssignments/"+extra), nil)
	took, ok := q.until(q.clock.now(), patience, func() bool {
		return q.as(token, http.MethodGet, "/populations?limit=1", nil).status == http.StatusForbidden
	})
	if !ok {
		q.differ("a token conveys a role %v after that was taken away", took.Round(time.Second))
	} else {
		q.measure("a role that is taken away is gone from a live token", []time.Duration{took}, LimitSettling)
	}
	before := q.bearer(c)
	q.give(c, identityDataAdmin, "ENVIRONMENT", q.suite.Environment.ID)
	q.pause(5 * time.Second)
	if r := q.as(before, http.MethodGet, "/populations?limit=1", nil); r.status == http.StatusOK {
		q.differ("a token conveys a role that was given after it was issued")
	}
}

func (q *pingOneInquiry) badTokensAreRefused() {
	resource := q.consumer(nil)
	for what, token := range map[string]string{"no token": "", "an unknown token": "a.b.c", "a token for a custom resource": q.bearer(resource)} {
		q.want(what, q.as(token, http.MethodGet, applicationsPath, nil), http.StatusUnauthorized, "")
	}
	c := q.worker(applicationDeveloper)
	token := q.bearer(c)
	if !q.eventually(func() bool { return q.as(token, http.MethodGet, applicationsPath, nil).status == http.StatusOK }) {
		q.block("a new worker's token is of no use")
	}
	q.disable(c)
	took, ok := q.until(q.clock.now(), patience, func() bool {
		return q.as(token, http.MethodGet, applicationsPath, nil).status == http.StatusUnauthorized
	})
	if !ok {
		q.differ("the token of a disabled application is good %v later", took.Round(time.Second))
		return
	}
	q.measure("a disabled application's token is refused", []time.Duration{took}, LimitSettling)
}

// disable turns an application off, by replacing its configuration with itself.
func (q *pingOneInquiry) disable(c client) {
	body := q.must(http.MethodGet, c.path(""), nil).body
	if q.blocked() {
		return
	}
	body["enabled"] = false
	q.must(http.MethodPut, c.path(""), body)
}

func (q *pingOneInquiry) tokensOutliveSecrets() {
	c := q.worker(applicationDeveloper)
	token := q.bearer(c)
	if !q.eventually(func() bool { return q.as(token, http.MethodGet, applicationsPath, nil).status == http.StatusOK }) {
		q.block("a new worker's token is of no use")
	}
	q.mint(c, 0)
	q.eventually(func() bool { return !q.accepted(c, c.secret) })
	q.want("a token after its secret has ended", q.as(token, http.MethodGet, applicationsPath, nil), http.StatusOK, "")
}

func (q *pingOneInquiry) adminOfAnotherEnvironment() {
	if q.suite.Admin.Environment.ID == q.suite.Environment.ID {
		q.skip("the admin belongs to the same environment; use one of another")
		return
	}
	q.want("an admin of another environment", q.api(http.MethodGet, "/resources?limit=1", nil), http.StatusOK, "")
}

func (q *pingOneInquiry) formOfAnError() {
	var seen []string
	for range 2 {
		r := q.api(http.MethodGet, "/applications/"+newUUID(), nil)
		if !q.blocked() && (r.text("id") == "" || r.text("code") == "" || r.text("message") == "") {
			q.differ("an error of the API lacks id, code or message: %s", r)
		}
		seen = append(seen, r.text("id"))
	}
	if !q.blocked() && seen[0] != "" && seen[0] == seen[1] {
		q.differ("two errors have the same id")
	}
}

// samples is how often a time is measured.
const samples = 5

func (q *pingOneInquiry) readsLag() {
	var created, renamed, minted []time.Duration
	ok := true
	watch := func(all *[]time.Duration, done func() bool) {
		took, seen := q.until(q.clock.now(), patience, done)
		ok = ok && seen
		*all = append(*all, took)
	}
	for range samples {
		if q.blocked() {
			return
		}
		body := q.body(nil)
		made := q.api(http.MethodPost, "/applications", body)
		c := client{id: made.text("id")}
		watch(&created, func() bool { return q.api(http.MethodGet, c.path(""), nil).status == http.StatusOK })
		body["name"] = q.name()
		q.must(http.MethodPut, c.path(""), body)
		watch(&renamed, func() bool { return q.api(http.MethodGet, c.path(""), nil).text("name") == body["name"] })
		_, next := q.mint(c, kept)
		watch(&minted, func() bool { return q.api(http.MethodGet, c.path("/secret"), nil).text("secret") == next.secret })
	}
	if !ok {
		q.differ("a read did not show a change within %v", patience)
	}
	q.measure("a read shows what was created", created, LimitReads)
	q.measure("a read shows a change", renamed, LimitReads)
	q.measure("a read shows a new secret", minted, LimitReads)
}

func (q *pingOneInquiry) anyTransactionID() {
	r := q.send(request{
		method: http.MethodGet, auth: "Bearer " + q.adminToken(), header: http.Header{"X-Ping-External-Transaction-Id": {`a b"c;d`}},
		url: q.suite.Environment.API + "/v1/environments/" + q.suite.Environment.ID + applicationsPath,
	})
	q.want("a transaction id with other characters", r, http.StatusOK, "")
}

func (q *pingOneInquiry) credentialsInOnePlace() {
	c := q.consumer(nil)
	r := q.token(c, c.secret, url.Values{"client_id": {c.id}, "client_secret": {c.secret}})
	if !q.blocked() && (r.status == http.StatusOK || r.status >= 500) {
		q.differ("credentials in the header and in the body: got %s, want a refusal", r)
	}
}

func (q *pingOneInquiry) refusalsLookAlike() {
	c := q.consumer(nil)
	unknown := c
	unknown.id = newUUID()
	wrong, absent := q.token(c, randomSecret(), nil), q.token(unknown, c.secret, nil)
	q.want("a wrong secret", wrong, http.StatusUnauthorized, "invalid_client")
	q.want("an unknown client", absent, http.StatusUnauthorized, "invalid_client")
	if wrong.words() != absent.words() {
		q.differ("a wrong secret and an unknown client are refused in different words: %q, %q", wrong.words(), absent.words())
	}
}

func (q *pingOneInquiry) otherMethodIsRefused() {
	c := q.consumer(nil)
	right, wrong := c, c
	right.method, wrong.method = postMethod, postMethod
	good, bad := q.token(right, c.secret, nil), q.token(wrong, randomSecret(), nil)
	q.want("another method", good, http.StatusUnauthorized, "invalid_client")
	if !q.blocked() && good.status == http.StatusUnauthorized && !strings.Contains(good.words(), "Unsupported authentication method") {
		q.differ("another method is refused with %q", good.words())
	}
	if good.status != bad.status || good.words() != bad.words() {
		q.differ("another method with a wrong secret is refused differently: %s", bad)
	}
}

func (q *pingOneInquiry) disabledApplication() {
	c := q.consumer(nil)
	wrong := q.token(c, randomSecret(), nil)
	q.disable(c)
	var r reply
	took, ok := q.until(q.clock.now(), patience, func() bool { r = q.token(c, c.secret, nil); return r.status != http.StatusOK })
	if !ok {
		q.differ("a disabled application obtains tokens %v later", took.Round(time.Second))
	} else {
		q.measure("a disabled application obtains no token", []time.Duration{took}, Limit{})
	}
	if ok && (r.status != wrong.status || r.code() != wrong.code() || r.words() != wrong.words()) {
		q.differ("a disabled application is refused with %s, and not like a wrong secret", r)
	}
	q.want("read its secret", q.api(http.MethodGet, c.path("/secret"), nil), http.StatusOK, "")
	q.want("regenerate its secret", q.api(http.MethodPost, c.path("/secret"), object{}), http.StatusOK, "")
}

func (q *pingOneInquiry) clientIsJudgedFirst() {
	c := q.consumer(nil)
	for what, form := range map[string]url.Values{
		"a scope that is not granted": {"scope": {"no-such-scope"}},
		"a grant type that it lacks":  {"grant_type": {"authorization_code"}, "code": {"none"}, "redirect_uri": {"https://example.com/"}},
	} {
		q.want("a right secret with "+what, q.token(c, c.secret, form), http.StatusBadRequest, "")
		q.want("a wrong secret with "+what, q.token(c, randomSecret(), form), http.StatusUnauthorized, "invalid_client")
	}
}

func (q *pingOneInquiry) basicIsFormEncoded() {
	c := q.consumer(nil)
	if q.blocked() {
		return
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {c.scope}}
	r := q.send(request{
		method: http.MethodPost, url: q.suite.Environment.TokenEndpoint(), contentType: "application/x-www-form-urlencoded",
		auth: basicAuth(escapeAll(c.id), escapeAll(c.secret)), body: []byte(form.Encode()),
	})
	q.want("a Basic credential with every character escaped", r, http.StatusOK, "")
}

func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func (q *pingOneInquiry) newSecretSettles() {
	c := q.consumer(nil)
	var learnt []time.Duration
	for range samples {
		if q.blocked() {
			return
		}
		begun := q.clock.now()
		_, next := q.mint(c, time.Hour)
		if !q.accepted(c, c.secret) {
			q.differ("the previous secret is refused right after a regeneration")
		}
		took, ok := q.until(begun, patience, func() bool { return q.accepted(next, next.secret) })
		if !ok {
			q.differ("a new secret is refused %v after its regeneration", took.Round(time.Second))
			return
		}
		learnt = append(learnt, took)
		c = next
	}
	q.measure("a new secret obtains a token", learnt, LimitSettling)
}

func (q *pingOneInquiry) unknownVerb() {
	c := q.application(nil)
	r := q.api(http.MethodPut, c.path("/secret"), object{})
	q.want("PUT on a secret", r, http.StatusForbidden, "")
	if r.status == http.StatusForbidden && r.code() != "" {
		q.differ("the refusal has the code %s", masked(r.code()))
	}
}
