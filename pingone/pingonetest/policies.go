package pingonetest

import (
	"cmp"
	"slices"
)

// Policy says what users have to prove when they sign on.
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

// policyKind is what tells the two kinds of policy assignment apart.
type policyKind struct {
	path, member             string // of the assignments' collection, and of the policy in one
	flow                     bool
	list, create, read, drop string // operations
}

var policyKinds = []policyKind{
	{"signOnPolicyAssignments", "signOnPolicy", false, OpListSignOnPolicies, OpAssignSignOnPolicy, OpReadSignOnPolicy, OpRemoveSignOnPolicy},
	{"flowPolicyAssignments", "flowPolicy", true, OpListFlowPolicies, OpAssignFlowPolicy, OpReadFlowPolicy, OpRemoveFlowPolicy},
}

func (k policyKind) of(a *application) *[]*policyAssignment {
	if k.flow {
		return &a.flowPolicies
	}
	return &a.signOnPolicies
}

func (s *Server) policyRoutes() {
	for _, k := range policyKinds {
		all := "/v1/environments/{env}/applications/{app}/" + k.path
		s.platform("GET "+all, k.list, func(c *call) (any, *refusal) { return s.listPolicies(c, k) })
		s.platform("POST "+all, k.create, func(c *call) (any, *refusal) { return s.assignPolicy(c, k) })
		s.platform("GET "+all+"/{assignment}", k.read, func(c *call) (any, *refusal) {
			a, i, no := s.reachPolicy(c, permReadApplication, k)
			if no != nil {
				return nil, no
			}
			return policyBody(c, k, (*k.of(a))[i]), nil
		})
		s.platform("DELETE "+all+"/{assignment}", k.drop, func(c *call) (any, *refusal) {
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

func (s *Server) listPolicies(c *call, k policyKind) (any, *refusal) {
	a, no := s.reach(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	var items []item
	for _, p := range *k.of(a) {
		items = append(items, item{p.id, func() any { return policyBody(c, k, p) }})
	}
	return c.page(k.path, items)
}

func (s *Server) assignPolicy(c *call, k policyKind) (any, *refusal) {
	a, no := s.reach(c, permUpdateApplication)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	id := f.reference(k.member)
	assigned := &policyAssignment{id: newUUID(), priority: int(take[float64](f, "priority", "a number"))}
	for _, p := range s.environments[a.Environment].policies {
		if p.id == id && p.Flow == k.flow {
			assigned.policy = p
		}
	}
	switch {
	case f.problems != nil:
	case assigned.priority < 1:
		f.problem("REQUIRED_VALUE", "priority", "must be 1 or more")
	case assigned.policy == nil:
		f.problem("INVALID_VALUE", k.member+".id", "is not such a policy of the environment")
	case slices.ContainsFunc(*k.of(a), func(other *policyAssignment) bool { return other.policy == assigned.policy }):
		f.problem("UNIQUENESS_VIOLATION", k.member+".id", "is assigned already")
	case slices.ContainsFunc(*k.of(a), func(other *policyAssignment) bool { return other.priority == assigned.priority }):
		f.problem("UNIQUENESS_VIOLATION", "priority", "is already in use")
	}
	if no := f.refusal(); no != nil {
		return nil, no
	}
	s.changingApplication(a)
	*k.of(a) = append(slices.Clone(*k.of(a)), assigned)
	return created{policyBody(c, k, assigned)}, nil
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

func policyBody(c *call, k policyKind, p *policyAssignment) any {
	application := c.environmentURL() + "/applications/" + c.target.id
	return map[string]any{
		"_links":      map[string]href{"self": {application + "/" + k.path + "/" + p.id}, "application": {application}},
		"environment": reference{c.target.environment}, "application": reference{c.target.id},
		"id": p.id, "priority": p.priority, k.member: reference{p.policy.id},
	}
}
