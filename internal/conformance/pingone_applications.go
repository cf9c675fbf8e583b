package conformance

import (
	"net/http"
	"net/url"
	"time"
)

// applicationProbes are about applications.
var applicationProbes = []pingOneProbe{
	{"B24", false, (*pingOneInquiry).replyShowsSettings},
	{"B37", false, (*pingOneInquiry).whatAnApplicationTakes},
	{"B38", false, (*pingOneInquiry).defaultsOfAnApplication},
	{"B39", false, (*pingOneInquiry).namesAreUnique},
	{"B41", false, (*pingOneInquiry).replacingResets},
	{"B42", false, (*pingOneInquiry).deletingEndsTokens},
	{"B43", false, (*pingOneInquiry).collectionsHavePages},
	{"B80", false, (*pingOneInquiry).attributeMappings},
	{"B82", false, (*pingOneInquiry).signOnPolicies},
	{"B84", false, (*pingOneInquiry).partsAreReadAlone},
}

func (q *pingOneInquiry) replyShowsSettings() {
	c := q.application(nil)
	r := q.must(http.MethodGet, c.path(""), nil)
	if q.blocked() {
		return
	}
	if r.at("enabled") != true || r.text("tokenEndpointAuthMethod") != basicMethod {
		q.differ("reading an application does not show whether it is enabled, and how it authenticates")
	}
	switch r.text("clientId") {
	case "":
		q.note("no clientId")
	case c.id:
		q.note("clientId is the id")
	default:
		q.differ("clientId is there, and is not the id")
	}
}

func (q *pingOneInquiry) whatAnApplicationTakes() {
	for what, changes := range map[string]object{
		"no name":                            {"name": nil},
		"no type":                            {"type": nil},
		"no protocol":                        {"protocol": nil},
		"no authentication method":           {"tokenEndpointAuthMethod": nil},
		"AUTHORIZATION_CODE without URIs":    {"grantTypes": []string{"AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"}},
		"AUTHORIZATION_CODE without CODE":    {"grantTypes": []string{"AUTHORIZATION_CODE"}, "redirectUris": []string{"https://example.com/"}},
		"IMPLICIT without response types":    {"grantTypes": []string{"IMPLICIT"}, "redirectUris": []string{"https://example.com/"}},
		"PRIVATE_KEY_JWT without keys":       {"tokenEndpointAuthMethod": keyMethod},
		"a client id of the caller's choice": {"clientId": "chosen-" + q.name(), "clientSecret": randomSecret()},
	} {
		q.want("create an application with "+what, q.api(http.MethodPost, "/applications", q.body(changes)), http.StatusBadRequest, "")
	}
}

func (q *pingOneInquiry) defaultsOfAnApplication() {
	r := q.must(http.MethodPost, "/applications", q.body(object{"enabled": nil, "type": "WORKER", "assignActorRoles": false, "loginPageUrl": "https://example.com/login"}))
	if q.blocked() {
		return
	}
	if r.at("enabled") != false {
		q.differ("it is enabled though the request does not say so")
	}
	if r.text("accessControl", "role", "type") != "ADMIN_USERS_ONLY" {
		q.differ("a worker is not only for administrators")
	}
	if r.text("loginPageUrl") != "https://example.com/login" {
		q.differ("a setting is not kept")
	}
	if r.at("secret") != nil || r.at("clientSecret") != nil {
		q.differ("the reply to the creation shows the secret")
	}
}

func (q *pingOneInquiry) namesAreUnique() {
	body := q.body(nil)
	q.must(http.MethodPost, "/applications", body)
	q.want("a second application of the same name", q.api(http.MethodPost, "/applications", body), http.StatusBadRequest, "UNIQUENESS_VIOLATION")
}

func (q *pingOneInquiry) replacingResets() {
	body := q.body(object{"loginPageUrl": "https://example.com/login"})
	c := client{id: q.must(http.MethodPost, "/applications", body).text("id")}
	delete(body, "loginPageUrl")
	body["createdAt"], body["id"] = "2001-01-01T00:00:00.000Z", newUUID()
	r := q.must(http.MethodPut, c.path(""), body)
	if q.blocked() {
		return
	}
	if r.at("loginPageUrl") != nil {
		q.differ("what PUT omits is kept")
	}
	if r.text("id") != c.id || r.text("createdAt") == body["createdAt"] {
		q.differ("PUT changes what is read-only")
	}
}

func (q *pingOneInquiry) deletingEndsTokens() {
	c := q.worker(applicationDeveloper)
	token := q.bearer(c)
	if !q.eventually(func() bool { return q.as(token, http.MethodGet, applicationsPath, nil).status == http.StatusOK }) {
		q.block("a new worker's token is of no use")
	}
	begun := q.clock.now()
	q.want("delete an application", q.api(http.MethodDelete, c.path(""), nil), http.StatusNoContent, "")
	if took, ok := q.until(begun, patience, func() bool { return !q.accepted(c, c.secret) }); !ok {
		q.differ("a deleted application obtains tokens %v later", took.Round(time.Second))
	}
	took, ok := q.until(begun, patience, func() bool {
		return q.as(token, http.MethodGet, applicationsPath, nil).status == http.StatusUnauthorized
	})
	if !ok {
		q.differ("a deleted application's token is good %v later", took.Round(time.Second))
		return
	}
	q.measure("a deleted application's token is refused", []time.Duration{took}, LimitSettling)
}

func (q *pingOneInquiry) collectionsHavePages() {
	first, second := q.application(nil), q.application(nil)
	r := q.must(http.MethodGet, "/applications?limit=1", nil)
	if q.blocked() {
		return
	}
	if n := len(r.list("applications")); n != 1 || r.text("_links", "next", "href") == "" {
		q.differ("a page of one has %d, or no link to the next one", n)
	}
	seen := 0
	for _, one := range q.listAll("/applications?limit=100&filter=" + url.QueryEscape(`name eq "nothing"`)) {
		if one["id"] == first.id || one["id"] == second.id {
			seen++
		}
	}
	if !q.blocked() && seen != 2 {
		q.differ("a filter on applications is not ignored: %d of 2 are listed", seen)
	}
}

func (q *pingOneInquiry) attributeMappings() {
	c := q.application(object{"grantTypes": []string{"AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"}, "redirectUris": []string{"https://example.com/"}})
	var core object
	for _, m := range q.listBelow(c.path("/attributes"), "attributes") {
		if m["name"] == "sub" {
			core = m
		}
	}
	if q.blocked() {
		return
	}
	if core["mappingType"] == nil && core["type"] == nil || core == nil {
		q.differ("a new application has no mapping of sub")
		return
	}
	id, _ := core["id"].(string)
	removed := q.api(http.MethodDelete, c.path("/attributes/"+id), nil)
	if !q.blocked() && removed.status/100 != 4 {
		q.differ("remove the mapping of sub: got %s", removed)
	}
	replaced := q.api(http.MethodPut, c.path("/attributes/"+id), object{"name": "sub", "value": "${user.username}", "required": true})
	q.want("replace the mapping of sub", replaced, http.StatusOK, "")
	mapping := object{"name": "nickname_of_mine", "value": "${user.username}"}
	q.want("add a mapping", q.api(http.MethodPost, c.path("/attributes"), mapping), http.StatusCreated, "")
	q.want("add it twice", q.api(http.MethodPost, c.path("/attributes"), mapping), http.StatusBadRequest, "")
	q.want("add one of PingOne's own name", q.api(http.MethodPost, c.path("/attributes"), object{"name": "iss", "value": "x"}), http.StatusBadRequest, "")
}

func (q *pingOneInquiry) signOnPolicies() {
	c := q.application(object{"grantTypes": []string{"AUTHORIZATION_CODE"}, "responseTypes": []string{"CODE"}, "redirectUris": []string{"https://example.com/"}})
	policies := q.listBelow("/signOnPolicies", "signOnPolicies")
	if q.blocked() {
		return
	}
	if len(policies) == 0 {
		q.block("the environment lists no sign-on policy")
		return
	}
	assign := func(policy object, priority int) reply {
		return q.api(http.MethodPost, c.path("/signOnPolicyAssignments"), object{"priority": priority, "signOnPolicy": object{"id": policy["id"]}})
	}
	q.want("assign a sign-on policy", assign(policies[0], 1), http.StatusCreated, "")
	if assigned := q.listBelow(c.path("/signOnPolicyAssignments"), "signOnPolicyAssignments"); !q.blocked() && len(assigned) != 1 {
		q.differ("%d sign-on policies are assigned, want 1", len(assigned))
	}
	if len(policies) > 1 {
		q.want("assign a second one with the same priority", assign(policies[1], 1), http.StatusBadRequest, "")
	}
}

func (q *pingOneInquiry) partsAreReadAlone() {
	resource, scopeID, _ := q.custom(nil)
	attribute := q.must(http.MethodPost, "/resources/"+resource+"/attributes", object{"name": "colour", "value": "blue"}).text("id")
	c := q.application(nil)
	grant := q.grant(c, resource, scopeID).text("id")
	for what, path := range map[string]string{
		"the environment": "", "a scope": "/resources/" + resource + "/scopes/" + scopeID, "an attribute": "/resources/" + resource + "/attributes/" + attribute,
	} {
		var r reply
		q.eventually(func() bool { r = q.api(http.MethodGet, path, nil); return r.status == http.StatusOK })
		q.want("read "+what, r, http.StatusOK, "")
	}
	q.want("delete a custom resource", q.api(http.MethodDelete, "/resources/"+resource, nil), http.StatusNoContent, "")
	if !q.eventually(func() bool { return q.api(http.MethodGet, c.path("/grants/"+grant), nil).status == http.StatusNotFound }) {
		q.differ("the grant for a deleted resource is still there")
	}
}
