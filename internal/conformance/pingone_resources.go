package conformance

import (
	"net/http"
	"time"
)

// resourceProbes are about resources and grants.
var resourceProbes = []pingOneProbe{
	{"B56", true, (*pingOneInquiry).attributesBecomeClaims},
	{"B50", false, (*pingOneInquiry).builtInResources},
	{"B51", false, (*pingOneInquiry).whatAResourceTakes},
	{"B52", false, (*pingOneInquiry).partsOfAResource},
	{"B53", false, (*pingOneInquiry).secretOfAResource},
	{"B54", false, (*pingOneInquiry).grantsAreOnePerResource},
	{"B55", false, (*pingOneInquiry).grantsOfWorkers},
}

func (q *pingOneInquiry) attributesBecomeClaims() {
	first, firstScope, _ := q.custom(nil)
	for name, value := range map[string]string{"colour": "blue", "groups": `["a","b"]`, "mail": "${user.email}"} {
		q.must(http.MethodPost, "/resources/"+first+"/attributes", object{"name": name, "value": value})
	}
	c := q.application(nil)
	q.grant(c, first, firstScope)
	q.awaitToken(c)
	_, claims := q.claimsOf(q.bearer(c))
	if q.blocked() {
		return
	}
	if claims["colour"] != "blue" {
		q.differ("an attribute does not become a claim")
	}
	switch list := claims["groups"].(type) {
	case string:
		if list != `["a","b"]` {
			q.differ("a list arrives as another text")
		}
	case []any:
		q.differ("a list arrives as an array of %d", len(list))
	default:
		q.differ("a list does not arrive")
	}
	if claims["mail"] != nil {
		q.differ("an expression about a user arrives, though there is no user")
	}
	second, secondScope, name := q.custom(nil)
	q.grant(c, second, secondScope)
	if !q.eventually(func() bool { return q.token(c, c.secret, nil).status == http.StatusBadRequest }) {
		q.differ("with two resources, a token is given though no scope was named")
	}
	c.scope = name
	q.want("a scope of one of two resources", q.token(c, c.secret, nil), http.StatusOK, "")
}

func (q *pingOneInquiry) builtInResources() {
	kinds := map[string]string{}
	for _, r := range q.listAll("/resources") {
		kind, _ := r["type"].(string)
		id, _ := r["id"].(string)
		kinds[kind] = id
	}
	for _, kind := range []string{"OPENID_CONNECT", "PINGONE_API"} {
		if q.blocked() {
			return
		}
		if kinds[kind] == "" {
			q.differ("there is no resource of type %s", kind)
			continue
		}
		q.want("the secret of "+kind, q.api(http.MethodGet, "/resources/"+kinds[kind]+"/secret", nil), http.StatusNotFound, "")
	}
}

func (q *pingOneInquiry) whatAResourceTakes() {
	for what, changes := range map[string]object{
		"an audience of PingOne's": {"audience": "https://api.pingone.example"},
		"tokens of 299 s":          {"accessTokenValiditySeconds": 299},
		"another type":             {"type": "OPENID_CONNECT"},
	} {
		body := object{"name": q.name(), "description": marker, "type": "CUSTOM"}
		for name, value := range changes {
			body[name] = value
		}
		q.want("create a resource with "+what, q.api(http.MethodPost, "/resources", body), http.StatusBadRequest, "")
	}
	name := q.name()
	r := q.must(http.MethodPost, "/resources", object{"name": name, "description": marker})
	if q.blocked() {
		return
	}
	if life, _ := r.at("accessTokenValiditySeconds").(float64); life != 3600 || r.text("audience") != name || r.text("type") != "CUSTOM" {
		q.differ("a new resource is of type %s and its tokens live %v s, or its audience is not its name", masked(r.text("type")), life)
	}
}

func (q *pingOneInquiry) partsOfAResource() {
	resource, _, scope := q.custom(nil)
	core := false
	for _, a := range q.listBelow("/resources/"+resource+"/attributes", "attributes") {
		core = core || a["name"] == "sub" && a["type"] == "CORE"
	}
	if !q.blocked() && !core {
		q.differ("a custom resource has no CORE attribute sub")
	}
	for _, name := range []string{"env", "sub", "p1.mine"} {
		q.want("an attribute named "+name, q.api(http.MethodPost, "/resources/"+resource+"/attributes", object{"name": name, "value": "x"}), http.StatusBadRequest, "")
	}
	q.want("an attribute", q.api(http.MethodPost, "/resources/"+resource+"/attributes", object{"name": "colour", "value": "x"}), http.StatusCreated, "")
	q.want("a scope of the same name", q.api(http.MethodPost, "/resources/"+resource+"/scopes", object{"name": scope}), http.StatusBadRequest, "")
}

func (q *pingOneInquiry) secretOfAResource() {
	resource, _, _ := q.custom(nil)
	path := "/resources/" + resource + "/secret"
	old := q.must(http.MethodGet, path, nil).text("secret")
	r := q.api(http.MethodPost, path, q.retention(time.Hour))
	q.want("regenerate", r, http.StatusOK, "")
	if r.status == http.StatusOK && (r.text("previous", "secret") != old || r.text("secret") == old) {
		q.differ("the answer does not have the new secret and the one before")
	}
	q.want("delete the previous one", q.api(http.MethodDelete, path, nil), http.StatusNoContent, "")
	q.want("delete it again", q.api(http.MethodDelete, path, nil), http.StatusNotFound, "")
}

func (q *pingOneInquiry) grantsAreOnePerResource() {
	resource, scopeID, _ := q.custom(nil)
	c := q.application(nil)
	q.want("a grant without scopes", q.api(http.MethodPost, c.path("/grants"), grantBody(resource)), http.StatusBadRequest, "")
	q.want("a grant", q.api(http.MethodPost, c.path("/grants"), grantBody(resource, scopeID)), http.StatusCreated, "")
	q.want("a second grant for the resource", q.api(http.MethodPost, c.path("/grants"), grantBody(resource, scopeID)), http.StatusBadRequest, "")
}

func (q *pingOneInquiry) grantsOfWorkers() {
	openid := ""
	for _, r := range q.listAll("/resources") {
		if r["type"] == "OPENID_CONNECT" {
			openid, _ = r["id"].(string)
		}
	}
	scopes := q.listBelow("/resources/"+openid+"/scopes", "scopes")
	if q.blocked() || len(scopes) == 0 {
		return
	}
	id, _ := scopes[0]["id"].(string)
	c := q.worker()
	q.want("grant a worker an OpenID Connect scope", q.api(http.MethodPost, c.path("/grants"), grantBody(openid, id)), http.StatusBadRequest, "")
	resource, scopeID, _ := q.custom(nil)
	switch r := q.api(http.MethodPost, c.path("/grants"), grantBody(resource, scopeID)); {
	case q.blocked():
	case r.status == http.StatusCreated:
		q.note("a worker may be granted a custom resource")
	default:
		q.differ("grant a worker a custom resource: got %s, want 201", r)
	}
}
