package pingone

import (
	"context"
	"encoding/json"
	"fmt"
)

// A PolicyKind is a kind of policy that decides how users sign on.
type PolicyKind int

const (
	SignOnPolicy PolicyKind = iota // of PingOne itself
	FlowPolicy                     // of DaVinci; if one is assigned, it goes first
)

func (k PolicyKind) String() string {
	if k == FlowPolicy {
		return "flow policy"
	}
	return "sign-on policy"
}

// member is what the API calls the policy in an assignment; with "Assignments" it is
// the collection.
func (k PolicyKind) member() string {
	if k == FlowPolicy {
		return "flowPolicy"
	}
	return "signOnPolicy"
}

func (k PolicyKind) path() string { return applicationPath + "/" + k.member() + "Assignments" }

// A PolicyAssignment applies a policy to an application. Without any, the environment's
// default sign-on policy applies, which may ask less of users. See
// "Application sign-on policy assignments" and "Application flow policy assignments"
// in the PingOne platform API reference.
type PolicyAssignment struct {
	ID       string // given by PingOne
	PolicyID string
	Priority int // 1 goes first
}

// policyLimit is more assignments than one application can plausibly have.
const policyLimit = 1000

func (k PolicyKind) decode(data json.RawMessage) (PolicyAssignment, bool) {
	var p PolicyAssignment
	var body map[string]json.RawMessage
	var policy reference
	for name, into := range map[string]any{"id": &p.ID, "priority": &p.Priority, k.member(): &policy} {
		if json.Unmarshal(data, &body) != nil || json.Unmarshal(body[name], into) != nil {
			return p, false
		}
	}
	p.PolicyID = policy.ID
	return p, p.ID != "" && p.PolicyID != "" && p.Priority > 0
}

// PolicyAssignments reads all policies of the kind that are assigned to an application.
func (c *Client) PolicyAssignments(ctx context.Context, k PolicyKind, environmentID, applicationID string) ([]PolicyAssignment, error) {
	from := collection{fmt.Sprintf("list the %v assignments", k), k.member() + "Assignments", k.path(), policyLimit, true}
	return list(ctx, c, from, k.decode, environmentID, applicationID)
}

// AssignPolicy assigns a policy to an application; it uses the policy and the priority of
// p. The request is sent once. If the policy or the priority is taken, the error is
// [IsDuplicate].
func (c *Client) AssignPolicy(ctx context.Context, k PolicyKind, environmentID, applicationID string, p PolicyAssignment) (PolicyAssignment, error) {
	body := map[string]any{"priority": p.Priority, k.member(): reference{ID: p.PolicyID}}
	return submit(ctx, c, post(fmt.Sprintf("assign the %v", k)), body, k.decode, k.path(), environmentID, applicationID)
}

// RemovePolicy removes an assignment from an application. It succeeds if the assignment
// is already gone.
func (c *Client) RemovePolicy(ctx context.Context, k PolicyKind, environmentID, applicationID, assignmentID string) error {
	return c.delete(ctx, fmt.Sprintf("remove the %v assignment", k), k.path()+"/{}", environmentID, applicationID, assignmentID)
}
