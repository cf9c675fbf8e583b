package conformance

import (
	"net/http"
	"regexp"
	"time"
)

// secretProbes are about an application's secrets.
var secretProbes = []pingOneProbe{
	{"B02", false, (*pingOneInquiry).secretIsShown},
	{"B03", false, (*pingOneInquiry).previousExpires},
	{"B04", false, (*pingOneInquiry).lastUsedFollows},
	{"B05", false, (*pingOneInquiry).nothingThereLooksAlike},
	{"B06", false, (*pingOneInquiry).nothingKeptUnlessAsked},
	{"B07", true, (*pingOneInquiry).bothSecretsInReply},
	{"B08", false, (*pingOneInquiry).retentionHasLimits},
	{"B09", true, (*pingOneInquiry).oneSlot},
	{"B10", false, (*pingOneInquiry).valueIsNotChosen},
	{"B11", false, (*pingOneInquiry).mediaTypeMatters},
	{"B12", false, (*pingOneInquiry).deletingEndsThePrevious},
	{"B13", false, (*pingOneInquiry).lookOfASecret},
}

// kept is how long a previous secret is kept when the time does not matter.
const kept = 10 * time.Minute

func (q *pingOneInquiry) secretIsShown() {
	c := q.application(nil)
	_, next := q.mint(c, kept)
	var r reply
	if !q.eventually(func() bool { r = q.api(http.MethodGet, c.path("/secret"), nil); return r.text("secret") == next.secret }) {
		q.differ("reading does not show the secret that the regeneration answered")
	}
	if r.text("previous", "secret") != c.secret {
		q.differ("reading does not show the previous secret in clear text")
	}
}

func (q *pingOneInquiry) previousExpires() {
	c := q.consumer(nil)
	const life = 75 * time.Second
	_, _ = q.mint(c, life)
	ends := q.clock.now().UTC().Add(life).Truncate(time.Second)
	if !q.accepted(c, c.secret) {
		q.block("the previous secret is not accepted before its end")
	}
	q.pause(ends.Sub(q.clock.now()))
	took, ok := q.until(ends, patience, func() bool { return !q.accepted(c, c.secret) })
	if !ok {
		q.differ("the previous secret obtains tokens %v after its end", took.Round(time.Second))
		return
	}
	q.measure("an expired secret is refused", []time.Duration{took}, LimitSettling)
	if shown := q.api(http.MethodGet, c.path("/secret"), nil); shown.at("previous") != nil {
		q.differ("reading shows a previous secret that has expired")
	}
}

func (q *pingOneInquiry) lastUsedFollows() {
	c := q.consumer(nil)
	q.mint(c, kept)
	if r := q.api(http.MethodGet, c.path("/secret"), nil); r.at("previous", "lastUsed") != nil {
		q.differ("lastUsed is there right after a regeneration")
	}
	begun := q.clock.now()
	if !q.accepted(c, c.secret) {
		q.block("the previous secret is not accepted")
	}
	took, ok := q.until(begun, patience, func() bool {
		return q.api(http.MethodGet, c.path("/secret"), nil).text("previous", "lastUsed") != ""
	})
	if !ok {
		q.differ("lastUsed is missing %v after the previous secret was used", took.Round(time.Second))
		return
	}
	q.measure("a use of the previous secret is shown", []time.Duration{took}, Limit{})
}

func (q *pingOneInquiry) nothingThereLooksAlike() {
	saml := q.must(http.MethodPost, "/applications", q.body(object{
		"protocol": "SAML", "grantTypes": nil, "tokenEndpointAuthMethod": nil,
		"spEntityId": "urn:" + q.name(), "acsUrls": []string{"https://example.com/acs"}, "assertionDuration": 60,
	}))
	unknown := q.api(http.MethodGet, "/applications/"+newUUID()+"/secret", nil)
	other := q.api(http.MethodGet, "/applications/"+saml.text("id")+"/secret", nil)
	q.want("the secret of an unknown application", unknown, http.StatusNotFound, "NOT_FOUND")
	q.want("the secret of a SAML application", other, http.StatusNotFound, "NOT_FOUND")
	if unknown.words() != other.words() {
		q.differ("the two refusals have different words: %q, %q", unknown.words(), other.words())
	}
}

func (q *pingOneInquiry) nothingKeptUnlessAsked() {
	c := q.consumer(nil)
	begun := q.clock.now()
	r, _ := q.mint(c, 0)
	if r.at("previous") != nil {
		q.differ("the answer has a previous secret that was not asked for")
	}
	took, ok := q.until(begun, patience, func() bool { return !q.accepted(c, c.secret) })
	if !ok {
		q.differ("the replaced secret obtains tokens %v after it was to end", took.Round(time.Second))
		return
	}
	q.measure("an ended secret is refused", []time.Duration{took}, LimitAsking)
}

func (q *pingOneInquiry) bothSecretsInReply() {
	c := q.consumer(nil)
	r := q.api(http.MethodPost, c.path("/secret"), q.retention(kept))
	q.want("regenerate", r, http.StatusOK, "")
	switch {
	case q.blocked():
	case r.text("secret") == "" || r.text("secret") == c.secret:
		q.differ("the answer has no new secret")
	case r.text("previous", "secret") != c.secret || r.text("previous", "expiresAt") == "":
		q.differ("the answer does not have the replaced secret as previous, with its end")
	}
}

func (q *pingOneInquiry) retentionHasLimits() {
	c := q.application(nil)
	for what, ahead := range map[string]time.Duration{"31 days": 31 * 24 * time.Hour, "30 seconds": 30 * time.Second} {
		r := q.api(http.MethodPost, c.path("/secret"), q.retention(ahead))
		q.want("keep the previous secret for "+what, r, http.StatusBadRequest, "INVALID_DATA")
	}
	if now := q.must(http.MethodGet, c.path("/secret"), nil).text("secret"); now != c.secret && len(q.differences) == 0 {
		q.differ("a refused regeneration changed the secret")
	}
	r := q.api(http.MethodPost, c.path("/secret"), q.retention(29*24*time.Hour))
	q.want("keep the previous secret for 29 days", r, http.StatusOK, "")
}

func (q *pingOneInquiry) oneSlot() {
	first := q.consumer(nil)
	_, second := q.mint(first, time.Hour)
	r := q.api(http.MethodPost, first.path("/secret"), q.retention(time.Hour))
	q.want("regenerate while a previous secret lives", r, http.StatusOK, "")
	if r.status == http.StatusOK && r.text("previous", "secret") != second.secret {
		q.differ("the answer does not have the secret that was current as previous")
	}
	took, ok := q.until(q.clock.now(), patience, func() bool { return !q.accepted(first, first.secret) })
	if !ok {
		q.differ("the secret before the previous one still obtains tokens after %v", took.Round(time.Second))
		return
	}
	q.measure("an evicted secret is refused", []time.Duration{took}, LimitAsking)
	if !q.eventually(func() bool { return q.accepted(second, second.secret) }) {
		q.differ("the secret that was current is refused, and not kept as previous")
	}
}

func (q *pingOneInquiry) valueIsNotChosen() {
	c := q.application(nil)
	r := q.api(http.MethodPost, c.path("/secret"), object{"secret": randomSecret()})
	q.want("choose the secret", r, http.StatusBadRequest, "")
	if now := q.must(http.MethodGet, c.path("/secret"), nil).text("secret"); now != c.secret {
		q.differ("a refused regeneration changed the secret")
	}
}

func (q *pingOneInquiry) mediaTypeMatters() {
	c := q.application(nil)
	r := q.send(request{
		method: http.MethodPost, contentType: "text/plain", auth: "Bearer " + q.adminToken(), body: []byte("{}"),
		url: q.suite.Environment.API + "/v1/environments/" + q.suite.Environment.ID + c.path("/secret"),
	})
	q.want("regenerate with a body of text/plain", r, http.StatusUnsupportedMediaType, "")
	if now := q.must(http.MethodGet, c.path("/secret"), nil).text("secret"); now != c.secret {
		q.differ("a refused regeneration changed the secret")
	}
}

func (q *pingOneInquiry) deletingEndsThePrevious() {
	c := q.consumer(nil)
	_, next := q.mint(c, time.Hour)
	q.awaitToken(next)
	begun := q.clock.now()
	q.want("delete the previous secret", q.api(http.MethodDelete, c.path("/secret"), nil), http.StatusNoContent, "")
	took, ok := q.until(begun, patience, func() bool { return !q.accepted(c, c.secret) })
	if !ok {
		q.differ("the deleted secret still obtains tokens after %v", took.Round(time.Second))
		return
	}
	q.measure("a deleted secret is refused", []time.Duration{took}, LimitAsking)
	if !q.accepted(next, next.secret) {
		q.differ("the current secret is refused after the previous one was deleted")
	}
	q.want("delete it once more", q.api(http.MethodDelete, c.path("/secret"), nil), http.StatusNotFound, "")
}

var regenerated = regexp.MustCompile(`^[A-Za-z0-9._~-]{64}$`)

func (q *pingOneInquiry) lookOfASecret() {
	c := q.application(nil)
	for range 3 {
		if _, c = q.mint(c, 0); !q.blocked() && !regenerated.MatchString(c.secret) {
			q.differ("a regenerated secret has %d characters, or others than a-z A-Z 0-9 - . _ ~", len(c.secret))
			return
		}
	}
}
