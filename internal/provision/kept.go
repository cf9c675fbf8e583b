package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// kept is all that PingOne keeps for an application under its own id.
type kept struct {
	app      *pingone.Application
	roles    []pingone.RoleAssignment
	grants   []pingone.Grant
	mappings []pingone.AttributeMapping
	policies map[pingone.PolicyKind][]pingone.PolicyAssignment
}

// policyKinds are the kinds of policy that an application is assigned.
var policyKinds = []pingone.PolicyKind{pingone.SignOnPolicy, pingone.FlowPolicy}

// kept reads all that PingOne keeps for an application. A collection that PingOne does not
// have for this kind of application counts as empty.
func (p *Provisioner) kept(ctx context.Context, environmentID, id string) (*kept, error) {
	k := &kept{policies: map[pingone.PolicyKind][]pingone.PolicyAssignment{}}
	policies := make([][]pingone.PolicyAssignment, len(policyKinds))
	reads := []func() error{
		func() (err error) { k.app, err = p.Client.Application(ctx, environmentID, id); return err },
		func() (err error) { k.roles, err = p.Client.RoleAssignments(ctx, environmentID, id); return err },
		func() (err error) { k.grants, err = p.Client.Grants(ctx, environmentID, id); return err },
		func() (err error) {
			k.mappings, err = p.Client.AttributeMappings(ctx, environmentID, id)
			return unlessAbsent(err)
		},
	}
	for i, kind := range policyKinds {
		reads = append(reads, func() (err error) {
			policies[i], err = p.Client.PolicyAssignments(ctx, kind, environmentID, id)
			return unlessAbsent(err)
		})
	}
	if err := parallel.Do(reads...); err != nil {
		return nil, err
	}
	for i, kind := range policyKinds {
		k.policies[kind] = policies[i]
	}
	return k, nil
}

// unlessAbsent treats a collection that is not found as empty. If the application itself is
// missing, reading it shows that.
func unlessAbsent(err error) error {
	if pingone.IsNotFound(err) {
		return nil
	}
	return err
}

// copyable checks that the admin can give all of it to another application.
func (k *kept) copyable(roles []pingone.Role) error {
	if lacking := OutOfReach(k.roles, roles); len(lacking) > 0 {
		return &CopyError{k.app.ID, "roles that the admin may not give: " + strings.Join(lacking, ", ")}
	}
	if k.app.Protocol != "OPENID_CONNECT" {
		return &CopyError{k.app.ID, "the protocol " + document.Printable(k.app.Protocol) + ", for which there is no client secret"}
	}
	return nil
}

// A CopyError says why an application cannot have a twin.
type CopyError struct {
	ApplicationID string
	Has           string // what cannot be copied
}

func (e *CopyError) Error() string {
	return fmt.Sprintf("application %s cannot have a twin: it has %s", e.ApplicationID, e.Has)
}

// Remedy says what to do about it.
func (e *CopyError) Remedy() string {
	return `give the admin the same roles, or rotate with the strategy "single"`
}

// alignment returns the changes that make the other application the same as this one. They
// take away as well as give: what the original has lost, its twin must not keep.
func (p *Provisioner) alignment(from, to *kept, environmentID string) []change {
	is := recipient{environmentID: environmentID, id: to.app.ID}
	missing, surplus := compareRoles(from.roles, to.roles)
	same := &Access{spec: &document.Spec{Exact: true}, grants: from.grants}
	all := slices.Concat(
		p.configurationChanges(from.app, to.app, environmentID),
		p.roleChanges(is, missing, surplus, nil),
		p.grantChanges(same, is, to.grants),
		p.mappingChanges(is, from.mappings, to.mappings),
	)
	for _, kind := range policyKinds {
		all = append(all, p.policyChanges(is, kind, from.policies[kind], to.policies[kind])...)
	}
	return all
}

// configurationChanges returns the change that copies the members of the application
// itself, if they differ.
func (p *Provisioner) configurationChanges(from, to *pingone.Application, environmentID string) []change {
	want, have := configuration(from), configuration(to)
	delete(want, "assignActorRoles") // set only at creation
	delete(have, "assignActorRoles")
	same := func(a, b any) bool { return sameJSON(a.(json.RawMessage), b.(json.RawMessage)) }
	if maps.EqualFunc(want, have, same) {
		return nil
	}
	return []change{{text: "changes the configuration of the twin", apply: func(ctx context.Context) (string, error) {
		want["name"], want["description"] = to.Name, to.Description
		_, err := p.Client.ReplaceApplication(ctx, environmentID, to.ID, want)
		return "aligned the twin", err
	}}}
}

// configuration returns the members of an application that another application can have
// unchanged.
func configuration(app *pingone.Application) map[string]any {
	body := map[string]any{}
	for name, value := range app.Body {
		body[name] = value
	}
	for _, own := range append([]string{"name", "description", "clientId"}, readOnly...) {
		delete(body, own)
	}
	return body
}

// mappingChanges returns the changes that copy the attribute mappings, by the names of
// their claims.
func (p *Provisioner) mappingChanges(to recipient, wanted, held []pingone.AttributeMapping) (all []change) {
	named := func(all []pingone.AttributeMapping, name string) int {
		return slices.IndexFunc(all, func(m pingone.AttributeMapping) bool { return m.Name == name })
	}
	add := func(does, done, name string, apply func(context.Context) error) {
		name = document.Printable(name)
		all = append(all, change{text: does + " the mapping of the claim " + name, apply: func(ctx context.Context) (string, error) {
			return done + " the mapping of the claim " + name, apply(ctx)
		}})
	}
	for _, want := range wanted {
		at := named(held, want.Name)
		switch {
		case at < 0:
			add("adds", "added", want.Name, func(ctx context.Context) error {
				_, err := p.Client.CreateAttributeMapping(ctx, to.environmentID, to.id, want.Copy())
				if pingone.IsDuplicate(err) {
					return nil
				}
				return err
			})
		case !sameBody(want.Copy(), held[at].Copy()):
			add("changes", "changed", want.Name, func(ctx context.Context) error {
				_, err := p.Client.ReplaceAttributeMapping(ctx, to.environmentID, to.id, held[at].ID, want.Copy())
				return err
			})
		}
	}
	for _, have := range held {
		if named(wanted, have.Name) < 0 && !have.Core {
			add("removes", "removed", have.Name, func(ctx context.Context) error {
				return p.Client.RemoveAttributeMapping(ctx, to.environmentID, to.id, have.ID)
			})
		}
	}
	return all
}

func sameBody(a, b map[string]any) bool {
	return maps.EqualFunc(a, b, func(x, y any) bool {
		left, _ := json.Marshal(x)
		right, _ := json.Marshal(y)
		return sameJSON(left, right)
	})
}

// policyChanges returns the changes that copy the assignments of one kind of policy. A
// priority has only one policy, so surplus assignments go first.
//
// After a crash between the two, the twin, which is not in use, lacks a policy until the
// next run, which adds it before the twin is used.
func (p *Provisioner) policyChanges(to recipient, kind pingone.PolicyKind, wanted, held []pingone.PolicyAssignment) (all []change) {
	in := func(all []pingone.PolicyAssignment, one pingone.PolicyAssignment) bool {
		return slices.ContainsFunc(all, func(o pingone.PolicyAssignment) bool { return o.PolicyID == one.PolicyID && o.Priority == one.Priority })
	}
	for _, have := range held {
		if !in(wanted, have) {
			all = append(all, change{text: fmt.Sprintf("removes the %v %s", kind, have.PolicyID), apply: func(ctx context.Context) (string, error) {
				return fmt.Sprintf("removed the %v %s", kind, have.PolicyID), p.Client.RemovePolicy(ctx, kind, to.environmentID, to.id, have.ID)
			}})
		}
	}
	for _, want := range wanted {
		if !in(held, want) {
			all = append(all, change{text: fmt.Sprintf("assigns the %v %s", kind, want.PolicyID), apply: func(ctx context.Context) (string, error) {
				_, err := p.Client.AssignPolicy(ctx, kind, to.environmentID, to.id, want)
				if pingone.IsDuplicate(err) {
					err = nil
				}
				return fmt.Sprintf("assigned the %v %s", kind, want.PolicyID), err
			}})
		}
	}
	return all
}
