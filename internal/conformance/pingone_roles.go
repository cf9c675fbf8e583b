package conformance

import (
	"net/http"
	"slices"
)

// roleProbes are about roles.
var roleProbes = []pingOneProbe{
	{"B78", true, (*pingOneInquiry).noRolesButOfWorkers},
	{"B14", false, (*pingOneInquiry).rolesHaveScopes},
	{"B15", false, (*pingOneInquiry).whoRegenerates},
	{"B16", false, (*pingOneInquiry).nobodyReachesTheirOwn},
	{"B17", false, (*pingOneInquiry).nobodyReachesAbove},
	{"B40", false, (*pingOneInquiry).workersInherit},
	{"B44", false, (*pingOneInquiry).whoManagesApplications},
	{"B45", false, (*pingOneInquiry).rolesAreListed},
	{"B46", false, (*pingOneInquiry).rolesComeAndGo},
	{"B47", false, (*pingOneInquiry).rolesAreHeldOnce},
	{"B48", false, (*pingOneInquiry).rolesAreGivenFromAbove},
	{"B49", false, (*pingOneInquiry).rolesMustExist},
}

func (q *pingOneInquiry) noRolesButOfWorkers() {
	c := q.application(nil)
	web := q.must(http.MethodGet, c.path(""), nil)
	r := q.api(http.MethodGet, c.path("/roleAssignments"), nil)
	q.want("role assignments of a web application", r, http.StatusNotFound, "")
	if web.at("_links", "roleAssignments") != nil {
		q.differ("a web application has a link to role assignments")
	}
	q.must(http.MethodGet, q.worker().path("/roleAssignments"), nil)
}

func (q *pingOneInquiry) rolesHaveScopes() {
	mine, other := q.application(nil), q.application(nil)
	c := q.worker()
	q.give(c, applicationOwner, "APPLICATION", mine.id)
	q.awaitToken(c)
	token := q.bearer(c)
	if !q.eventually(func() bool { return q.as(token, http.MethodGet, mine.path(""), nil).status == http.StatusOK }) {
		q.differ("a role at one application does not reach it: %s", q.as(token, http.MethodGet, mine.path(""), nil))
	}
	q.want("a role at one application reaches another", q.as(token, http.MethodGet, other.path(""), nil), http.StatusForbidden, "")
}

func (q *pingOneInquiry) whoRegenerates() {
	target := q.application(nil)
	owner := q.worker()
	q.give(owner, applicationOwner, "APPLICATION", target.id)
	q.awaitToken(owner)
	for name, c := range map[string]client{applicationOwner: owner, identityDataAdmin: q.worker(identityDataAdmin)} {
		r := q.as(q.bearer(c), http.MethodPost, target.path("/secret"), q.retention(kept))
		q.want(name+" regenerates", r, http.StatusForbidden, "")
	}
	for _, name := range []string{applicationDeveloper, environmentAdmin} {
		token := q.bearer(q.worker(name))
		var r reply
		q.eventually(func() bool {
			r = q.as(token, http.MethodPost, target.path("/secret"), q.retention(kept))
			return r.status == http.StatusOK
		})
		q.want(name+" regenerates", r, http.StatusOK, "")
	}
}

func (q *pingOneInquiry) nobodyReachesTheirOwn() {
	c := q.worker(environmentAdmin)
	token := q.bearer(c)
	if !q.eventually(func() bool { return q.as(token, http.MethodGet, applicationsPath, nil).status == http.StatusOK }) {
		q.block("a new worker's token is of no use")
	}
	for what, method := range map[string]string{"reads": http.MethodGet, "regenerates": http.MethodPost, "deletes": http.MethodDelete} {
		var body any
		if method == http.MethodPost {
			body = q.retention(kept)
		}
		q.want("an application "+what+" its own secret", q.as(token, method, c.path("/secret"), body), http.StatusForbidden, "")
	}
}

func (q *pingOneInquiry) nobodyReachesAbove() {
	high, low := q.worker(environmentAdmin), q.worker(applicationDeveloper)
	token := q.bearer(low)
	if !q.eventually(func() bool { return q.as(token, http.MethodGet, high.path(""), nil).status == http.StatusOK }) {
		q.block("a new worker's token is of no use")
	}
	for what, method := range map[string]string{"reads": http.MethodGet, "regenerates": http.MethodPost} {
		var body any
		if method == http.MethodPost {
			body = q.retention(kept)
		}
		r := q.as(token, method, high.path("/secret"), body)
		q.want("a developer "+what+" the secret of an application that is an administrator", r, http.StatusForbidden, "INSUFFICIENT_PERMISSIONS")
	}
}

func (q *pingOneInquiry) workersInherit() {
	for what, want := range map[string]bool{"unless it says otherwise": true, "with assignActorRoles false": false} {
		changes := object{"type": "WORKER"}
		if !want {
			changes["assignActorRoles"] = false
		}
		c := client{id: q.must(http.MethodPost, "/applications", q.body(changes)).text("id")}
		held := q.listBelow(c.path("/roleAssignments"), "roleAssignments")
		if !q.blocked() && len(held) > 0 != want {
			q.differ("a new worker holds %d roles of its creator's %s", len(held), what)
		}
	}
}

func (q *pingOneInquiry) whoManagesApplications() {
	for name, want := range map[string]int{environmentAdmin: http.StatusCreated, applicationDeveloper: http.StatusCreated, identityDataAdmin: http.StatusForbidden} {
		token := q.bearer(q.worker(name))
		body := q.body(nil)
		var r reply
		q.eventually(func() bool { r = q.as(token, http.MethodPost, "/applications", body); return r.status == want })
		q.want(name+" creates an application", r, want, "")
	}
}

func (q *pingOneInquiry) rolesAreListed() {
	names := []string{}
	for _, role := range q.must(http.MethodGet, "/v1/roles", nil).list("roles") {
		name, _ := role["name"].(string)
		names = append(names, name)
		if role["id"] == nil {
			q.differ("a role is listed without an id")
		}
	}
	for _, name := range []string{environmentAdmin, applicationDeveloper, identityDataAdmin, organizationAdmin} {
		if !q.blocked() && !slices.Contains(names, name) {
			q.differ("the role %s is not listed", name)
		}
	}
	q.want("list the environment's custom roles", q.api(http.MethodGet, "/roles", nil), http.StatusOK, "")
}

func (q *pingOneInquiry) rolesComeAndGo() {
	c := q.worker()
	body := assignment(q.role(applicationDeveloper), "ENVIRONMENT", q.suite.Environment.ID)
	r := q.api(http.MethodPost, c.path("/roleAssignments"), body)
	q.want("give a role", r, http.StatusCreated, "")
	if r.status == http.StatusCreated && r.at("readOnly") != false {
		q.differ("a role assignment is read-only for the caller that made it")
	}
	q.want("take it away", q.api(http.MethodDelete, c.path("/roleAssignments/"+r.text("id")), nil), http.StatusNoContent, "")
}

func (q *pingOneInquiry) rolesAreHeldOnce() {
	c := q.worker()
	q.give(c, applicationDeveloper, "ENVIRONMENT", q.suite.Environment.ID)
	again := q.api(http.MethodPost, c.path("/roleAssignments"), assignment(q.role(applicationDeveloper), "ENVIRONMENT", q.suite.Environment.ID))
	q.want("give a role again", again, http.StatusBadRequest, "")
}

func (q *pingOneInquiry) rolesAreGivenFromAbove() {
	organization := q.must(http.MethodGet, "", nil).text("organization", "id")
	giver, taker := q.worker(environmentAdmin), q.worker()
	token := q.bearer(giver)
	body := assignment(q.role(organizationAdmin), "ORGANIZATION", organization)
	var r reply
	q.eventually(func() bool {
		r = q.as(token, http.MethodPost, taker.path("/roleAssignments"), body)
		return r.status != http.StatusNotFound
	})
	if !q.blocked() && r.status != http.StatusForbidden && r.status != http.StatusBadRequest {
		q.differ("an administrator of the environment makes one of the organization: got %s", r)
	}
	q.note("refused with %d", r.status)
}

func (q *pingOneInquiry) rolesMustExist() {
	c := q.worker()
	for what, body := range map[string]object{
		"a role that does not exist":            assignment(newUUID(), "ENVIRONMENT", q.suite.Environment.ID),
		"a role at a scope that does not exist": assignment(q.role(applicationDeveloper), "ENVIRONMENT", newUUID()),
		"a role at a scope of the wrong kind":   assignment(q.role(organizationAdmin), "APPLICATION", c.id),
	} {
		r := q.api(http.MethodPost, c.path("/roleAssignments"), body)
		if !q.blocked() && r.status/100 != 4 {
			q.differ("give %s: got %s, want a refusal", what, r)
		}
	}
}
