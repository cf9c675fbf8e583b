package conformance

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// Values of PingOne's applications.
const (
	basicMethod = "CLIENT_SECRET_BASIC"
	postMethod  = "CLIENT_SECRET_POST"
	jwtMethod   = "CLIENT_SECRET_JWT"
	keyMethod   = "PRIVATE_KEY_JWT"

	environmentAdmin     = "Environment Admin"
	applicationDeveloper = "Client Application Developer"
	applicationOwner     = "Application Owner"
	identityDataAdmin    = "Identity Data Admin"
	organizationAdmin    = "Organization Admin"
)

// A client is an application that was created for a probe.
type client struct {
	id, secret, method string
	scope              string // to request in tokens; "" for none
}

func (c client) path(rest string) string { return "/applications/" + c.id + rest }

// name returns a name that nothing else has.
func (q *pingOneInquiry) name() string {
	q.serial++
	return fmt.Sprintf("%s%s-%s-%d", Prefix, q.suite.Run, q.belief, q.serial)
}

// body returns the body of a new application with the changes. A member that is nil is left
// out.
func (q *pingOneInquiry) body(changes object) object {
	body := object{
		"name": q.name(), "description": marker, "enabled": true, "type": "WEB_APP", "protocol": "OPENID_CONNECT",
		"grantTypes": []string{"CLIENT_CREDENTIALS"}, "tokenEndpointAuthMethod": basicMethod,
	}
	maps.Copy(body, changes)
	maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
	return body
}

// application creates an application with the changes.
func (q *pingOneInquiry) application(changes object) client {
	r := q.must(http.MethodPost, "/applications", q.body(changes))
	return q.known(r)
}

// known returns the application in the reply to its creation, with its secret.
func (q *pingOneInquiry) known(r reply) client {
	c := client{id: r.text("id"), method: r.text("tokenEndpointAuthMethod")}
	if !q.blocked() {
		c.secret = q.must(http.MethodGet, c.path("/secret"), nil).text("secret")
	}
	return c
}

// consumer creates an application that obtains tokens for the resource that all probes
// share, and waits until it obtains one.
func (q *pingOneInquiry) consumer(changes object) client {
	c := q.application(changes)
	shared := q.suite.share(q)
	q.grant(c, shared.id, q.scopeID(shared.id, shared.scope))
	c.scope = shared.scope
	q.awaitToken(c)
	return c
}

// worker creates a worker application with the roles in the environment, and waits until it
// obtains tokens.
func (q *pingOneInquiry) worker(roles ...string) client {
	c := q.application(object{"type": "WORKER", "assignActorRoles": false})
	for _, role := range roles {
		q.give(c, role, "ENVIRONMENT", q.suite.Environment.ID)
	}
	if len(roles) > 0 {
		q.awaitToken(c)
	}
	return c
}

// give assigns a role, and returns the assignment's id.
func (q *pingOneInquiry) give(c client, role, scopeType, scope string) string {
	return q.must(http.MethodPost, c.path("/roleAssignments"), assignment(q.role(role), scopeType, scope)).text("id")
}

func assignment(role, scopeType, scope string) object {
	return object{"role": object{"id": role}, "scope": object{"type": scopeType, "id": scope}}
}

// role returns the id of a built-in role.
func (q *pingOneInquiry) role(name string) string {
	for _, role := range q.must(http.MethodGet, "/v1/roles", nil).list("roles") {
		if role["name"] == name {
			id, _ := role["id"].(string)
			return id
		}
	}
	q.block("there is no role %q", name)
	return ""
}

// custom creates a custom resource with a scope, and returns the ids of both and the
// scope's name.
func (q *pingOneInquiry) custom(changes object) (id, scopeID, scope string) {
	body := object{"name": q.name(), "description": marker, "type": "CUSTOM"}
	maps.Copy(body, changes)
	id = q.must(http.MethodPost, "/resources", body).text("id")
	scope = "read:" + q.name()
	scopeID = q.must(http.MethodPost, "/resources/"+id+"/scopes", object{"name": scope}).text("id")
	return id, scopeID, scope
}

func (q *pingOneInquiry) grant(c client, resource string, scopes ...string) reply {
	return q.must(http.MethodPost, c.path("/grants"), grantBody(resource, scopes...))
}

func grantBody(resource string, scopes ...string) object {
	all := []object{}
	for _, id := range scopes {
		all = append(all, object{"id": id})
	}
	return object{"resource": object{"id": resource}, "scopes": all}
}

func (q *pingOneInquiry) scopeID(resource, name string) string {
	for _, scope := range q.listBelow("/resources/"+resource+"/scopes", "scopes") {
		if scope["name"] == name {
			id, _ := scope["id"].(string)
			return id
		}
	}
	q.block("the resource has no scope %s", name)
	return ""
}

// listBelow returns the first page of a collection at the path.
func (q *pingOneInquiry) listBelow(path, collection string) []object {
	return q.must(http.MethodGet, path, nil).list(collection)
}

// share returns the resource that all probes share. The first call creates it.
func (p *PingOne) share(q *pingOneInquiry) sharedResource {
	if p.resource.id != "" || q.blocked() {
		return p.resource
	}
	maker := p.inquiry(q.ctx, "shared")
	id, _, scope := maker.custom(nil)
	if maker.obstacle != nil {
		q.block("%w", maker.obstacle)
		maker.clean()
		return sharedResource{}
	}
	p.resource = sharedResource{id, scope}
	p.shared.cleanup, p.shared.created = maker.cleanup, maker.created
	return p.resource
}

// token requests a token as the client, with the given secret, by the client's method.
func (q *pingOneInquiry) token(c client, secret string, form url.Values) reply {
	return q.asClient("/as/token", c, secret, form)
}

// asClient calls an endpoint that authenticates clients.
func (q *pingOneInquiry) asClient(path string, c client, secret string, form url.Values) reply {
	r := request{method: http.MethodPost, url: q.suite.Environment.Auth + path, contentType: "application/x-www-form-urlencoded"}
	body := url.Values{}
	if path == "/as/token" {
		body.Set("grant_type", "client_credentials")
		if c.scope != "" {
			body.Set("scope", c.scope)
		}
	}
	maps.Copy(body, form)
	switch c.method {
	case postMethod:
		body.Set("client_id", c.id)
		body.Set("client_secret", secret)
	case jwtMethod:
		q.assert(body, hmacAssertion(secret, q.claims(c)))
	case basicMethod:
		r.auth = basicAuth(url.QueryEscape(c.id), url.QueryEscape(secret))
	}
	r.body = []byte(body.Encode())
	return q.send(r)
}

func basicAuth(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// accepted reports whether PingOne gives a token for the secret. An answer that is
// neither a token nor a refusal of the client blocks the inquiry.
func (q *pingOneInquiry) accepted(c client, secret string) bool {
	r := q.token(c, secret, nil)
	switch {
	case q.blocked():
	case r.status == http.StatusOK && r.text("access_token") != "":
		return true
	case r.status != http.StatusUnauthorized:
		q.block("ask for a token: got %s", r)
	}
	return false
}

// awaitToken waits until a client that was just created obtains a token.
func (q *pingOneInquiry) awaitToken(c client) {
	var r reply
	if !q.eventually(func() bool { r = q.token(c, c.secret, nil); return r.status == http.StatusOK }) {
		q.block("a new application obtains no token: got %s", r)
	}
}

// bearer obtains an access token.
func (q *pingOneInquiry) bearer(c client) string {
	r := q.token(c, c.secret, nil)
	if !q.blocked() && r.status != http.StatusOK {
		q.block("ask for a token: got %s", r)
	}
	return r.text("access_token")
}

// mint regenerates a client's secret and keeps the one before it for this long, or not at
// all for 0. It returns the answer, and the client with its new secret.
func (q *pingOneInquiry) mint(c client, keep time.Duration) (reply, client) {
	r := q.api(http.MethodPost, c.path("/secret"), q.retention(keep))
	if !q.blocked() && (r.status != http.StatusOK || r.text("secret") == "") {
		q.block("regenerate: got %s", r)
	}
	next := c
	next.secret = r.text("secret")
	return r, next
}

// retention returns the body of a regeneration.
func (q *pingOneInquiry) retention(keep time.Duration) object {
	if keep == 0 {
		return object{}
	}
	return object{"previous": object{"expiresAt": q.clock.now().UTC().Add(keep).Format(time.RFC3339)}}
}

// randomSecret returns a secret that no client has.
func randomSecret() string { return rand.Text() + rand.Text() }
