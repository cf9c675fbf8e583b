package pingonetest

import (
	"cmp"
	"slices"
)

// Policy says what users must prove when they sign on.
type Policy struct {
	Environment string // UUID; defaults as in [Application]
	Name        string
	MFA         bool // more than a password
	Flow        bool // a DaVinci flow policy, and not a sign-on policy
	Default     bool // the environment's default sign-on policy from now on
}

type policy struct {
	Policy
	id string
}

// policyAssignment makes a policy count for an application. It is never changed.
type policyAssignment struct {
	id       string
	policy   *policy
	priority int // 1 goes first
}

// AddPolicy creates a policy without a call, and returns its id.
func (s *Server) AddPolicy(p Policy) (id string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Environment = cmp.Or(p.Environment, s.home)
	if p.Name == "" || p.Default && p.Flow {
		s.t.Fatalf("pingonetest: policy %q needs a name, and is the default only as a sign-on policy", p.Name)
	}
	e := s.environment(p.Environment)
	added := &policy{p, newUUID()}
	e.policies = append(e.policies, added)
	if p.Default {
		e.defaultPolicy = added
	}
	return added.id
}

// PolicyOf returns the name of the policy by which users sign on to an application:
// the flow policy or else the sign-on policy that is assigned to it and goes first,
// or else the environment's default.
func (s *Server) PolicyOf(env, id string) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policyOf(s.application(env, id)).Name
}

func (s *Server) policyOf(a *application) *policy {
	for _, assigned := range [][]*policyAssignment{a.flowPolicies, a.signOnPolicies} {
		if len(assigned) > 0 {
			return slices.MinFunc(assigned, func(x, y *policyAssignment) int { return x.priority - y.priority }).policy
		}
	}
	return s.environments[a.Environment].defaultPolicy
}

// policyKind is what differs between the two kinds of policy.
type policyKind struct {
	policies string // path of the environment's policies
	path     string // of the assignments to an application
	member   string // the policy in an assignment
	flow     bool

	listAll, readOne                    string // operations on policies
	list, create, read, replace, remove string // operations on assignments
}

var policyKinds = []policyKind{
	{
		policies: "signOnPolicies", path: "signOnPolicyAssignments", member: "signOnPolicy",
		listAll: OpListEnvironmentSignOnPolicies, readOne: OpReadEnvironmentSignOnPolicy,
		list: OpListSignOnPolicies, create: OpAssignSignOnPolicy, read: OpReadSignOnPolicy, replace: OpReplaceSignOnPolicy, remove: OpRemoveSignOnPolicy,
	},
	{
		policies: "flowPolicies", path: "flowPolicyAssignments", member: "flowPolicy", flow: true,
		listAll: OpListEnvironmentFlowPolicies, readOne: OpReadEnvironmentFlowPolicy,
		list: OpListFlowPolicies, create: OpAssignFlowPolicy, read: OpReadFlowPolicy, replace: OpReplaceFlowPolicy, remove: OpRemoveFlowPolicy,
	},
}

func (k policyKind) of(a *application) *[]*policyAssignment {
	if k.flow {
		return &a.flowPolicies
	}
	return &a.signOnPolicies
}

func (s *Server) policyRoutes() {
	for _, k := range policyKinds {
		policies := "/v1/environments/{env}/" + k.policies
		s.platform("GET "+policies, k.listAll, func(c *call) (any, *refusal) { return s.listEnvironmentPolicies(c, k) })
		s.platform("GET "+policies+"/{policy}", k.readOne, func(c *call) (any, *refusal) { return s.readEnvironmentPolicy(c, k) })

		all := "/v1/environments/{env}/applications/{app}/" + k.path
		s.platform("GET "+all, k.list, func(c *call) (any, *refusal) { return s.listPolicies(c, k) })
		s.platform("POST "+all, k.create, func(c *call) (any, *refusal) { return s.assignPolicy(c, k) })
		s.platform("GET "+all+"/{assignment}", k.read, func(c *call) (any, *refusal) {
			a, i, no := s.reachPolicy(c, permReadApplication, k)
			if no != nil {
				return nil, no
			}
			return assignedBody(c, k, (*k.of(a))[i]), nil
		})
		s.platform("PUT "+all+"/{assignment}", k.replace, func(c *call) (any, *refusal) { return s.reassignPolicy(c, k) })
		s.platform("DELETE "+all+"/{assignment}", k.remove, func(c *call) (any, *refusal) {
			a, i, no := s.reachPolicy(c, permUpdateApplication, k)
			if no != nil {
				return nil, no
			}
			s.changingApplication(a)
			*k.of(a) = slices.Delete(slices.Clone(*k.of(a)), i, i+1)
			return nil, nil
		})
	}
}

func (s *Server) listEnvironmentPolicies(c *call, k policyKind) (any, *refusal) {
	e, no := s.enter(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, p := range e.policies {
		if p.Flow == k.flow {
			items = append(items, item{p.id, func() any { return policyBody(c, e, k, p) }})
		}
	}
	return c.page(k.policies, items)
}

func (s *Server) readEnvironmentPolicy(c *call, k policyKind) (any, *refusal) {
	e, no := s.enter(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	for _, p := range e.policies {
		if p.id == c.path("policy") && p.Flow == k.flow {
			return policyBody(c, e, k, p), nil
		}
	}
	return nil, notFound()
}

func policyBody(c *call, e *environment, k policyKind, p *policy) any {
	body := map[string]any{
		"_links":      map[string]href{"self": {c.environmentURL() + "/" + k.policies + "/" + p.id}, "environment": {c.environmentURL()}},
		"environment": reference{e.id}, "id": p.id, "name": p.Name,
	}
	if !k.flow {
		body["default"] = p == e.defaultPolicy
	}
	return body
}

func (s *Server) listPolicies(c *call, k policyKind) (any, *refusal) {
	a, no := s.reach(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, p := range *k.of(a) {
		items = append(items, item{p.id, func() any { return assignedBody(c, k, p) }})
	}
	return c.page(k.path, items)
}

func (s *Server) assignPolicy(c *call, k policyKind) (any, *refusal) {
	a, no := s.reach(c, permUpdateApplication)
	if no != nil {
		return nil, no
	}
	assigned, no := s.readPolicy(c, a, k, newUUID())
	if no != nil {
		return nil, no
	}
	s.changingApplication(a)
	*k.of(a) = append(slices.Clone(*k.of(a)), assigned)
	return created{assignedBody(c, k, assigned)}, nil
}

func (s *Server) reassignPolicy(c *call, k policyKind) (any, *refusal) {
	a, i, no := s.reachPolicy(c, permUpdateApplication, k)
	if no != nil {
		return nil, no
	}
	assigned, no := s.readPolicy(c, a, k, (*k.of(a))[i].id)
	if no != nil {
		return nil, no
	}
	s.changingApplication(a)
	*k.of(a) = slices.Clone(*k.of(a))
	(*k.of(a))[i] = assigned
	return assignedBody(c, k, assigned), nil
}

// readPolicy reads the assignment that the caller wants, which gets this id.
func (s *Server) readPolicy(c *call, a *application, k policyKind, id string) (*policyAssignment, *refusal) {
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	wanted := f.reference(k.member)
	assigned := &policyAssignment{id: id, priority: int(take[float64](f, "priority", "a number"))}
	for _, p := range s.environments[a.Environment].policies {
		if p.id == wanted && p.Flow == k.flow {
			assigned.policy = p
		}
	}
	others := slices.DeleteFunc(slices.Clone(*k.of(a)), func(other *policyAssignment) bool { return other.id == id })
	switch {
	case f.problems != nil:
	case assigned.priority < 1:
		f.problem("REQUIRED_VALUE", "priority", "must be 1 or more")
	case assigned.policy == nil:
		f.problem("INVALID_VALUE", k.member+".id", "is not such a policy of the environment")
	case slices.ContainsFunc(others, func(other *policyAssignment) bool { return other.policy == assigned.policy }):
		f.problem("UNIQUENESS_VIOLATION", k.member+".id", "is assigned already")
	case slices.ContainsFunc(others, func(other *policyAssignment) bool { return other.priority == assigned.priority }):
		f.problem("UNIQUENESS_VIOLATION", "priority", "is already in use")
	}
	return assigned, f.refusal()
}

// reachPolicy returns the assignment that a call is about, by its position.
func (s *Server) reachPolicy(c *call, permission string, k policyKind) (*application, int, *refusal) {
	a, no := s.reach(c, permission)
	if no != nil {
		return nil, 0, no
	}
	i := slices.IndexFunc(*k.of(a), func(p *policyAssignment) bool { return p.id == c.path("assignment") })
	if i < 0 {
		return nil, 0, notFound()
	}
	return a, i, nil
}

func assignedBody(c *call, k policyKind, p *policyAssignment) any {
	application := c.environmentURL() + "/applications/" + c.target.id
	return map[string]any{
		"_links":      map[string]href{"self": {application + "/" + k.path + "/" + p.id}, "application": {application}},
		"environment": reference{c.target.environment}, "application": reference{c.target.id},
		"id": p.id, "priority": p.priority, k.member: reference{p.policy.id},
	}
}
