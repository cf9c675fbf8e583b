package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// Resolve resolves the names in the document's specification to ids, and only reads. An
// error about the document is a [*document.FieldError].
func (p *Provisioner) Resolve(ctx context.Context, d *document.Document) (*Access, error) {
	a := &Access{spec: d.Rotation.Application}
	err := parallel.Do(
		func() error { return p.resolveRoles(ctx, d, a) },
		func() error { return p.resolveGrants(ctx, d, a) },
	)
	return a, err
}

func (p *Provisioner) resolveGrants(ctx context.Context, d *document.Document, a *Access) error {
	if len(a.spec.Grants) == 0 && a.spec.Resource == nil && !a.spec.Exact {
		return nil
	}
	resources, err := p.Client.Resources(ctx, d.EnvironmentID)
	if err != nil {
		return err
	}
	a.allResources = resources
	find := func(name string) *pingone.Resource {
		for i := range resources {
			if strings.EqualFold(resources[i].Name, name) {
				return &resources[i]
			}
		}
		return nil
	}
	for i, want := range a.spec.Grants {
		path := fmt.Sprintf("rotation.application.grants[%d]", i)
		r := find(want.Resource)
		if r == nil {
			return document.NewFieldError(path+".resource", "names no resource of the environment")
		}
		scopes, err := p.Client.Scopes(ctx, d.EnvironmentID, r.ID)
		if err != nil {
			return err
		}
		g := pingone.Grant{ResourceID: r.ID}
		for j, name := range want.Scopes {
			at := slices.IndexFunc(scopes, func(s pingone.Scope) bool { return s.Name == name })
			if at < 0 {
				return document.NewFieldError(fmt.Sprintf("%s.scopes[%d]", path, j), "names no scope of that resource")
			}
			g.ScopeIDs = append(g.ScopeIDs, scopes[at].ID)
		}
		a.grants = append(a.grants, g)
	}
	if want := a.spec.Resource; want != nil {
		return p.resolveResource(ctx, d, a, find(want.Name))
	}
	return nil
}

// resolveResource finds what the custom resource lacks.
func (p *Provisioner) resolveResource(ctx context.Context, d *document.Document, a *Access, found *pingone.Resource) error {
	want := a.spec.Resource
	a.resource, a.attributes, a.scopes = found, maps.Clone(want.Attributes), want.Scopes
	if found == nil {
		return nil
	}
	a.own = p.Marker.in(found.Description)
	if found.Type != "CUSTOM" {
		return document.NewFieldError("rotation.application.resource.name", "names one of PingOne's own resources; use grants for it")
	}
	var scopes []pingone.Scope
	var attributes []pingone.Attribute
	err := parallel.Do(
		func() (err error) { scopes, err = p.Client.Scopes(ctx, d.EnvironmentID, found.ID); return err },
		func() (err error) { attributes, err = p.Client.Attributes(ctx, d.EnvironmentID, found.ID); return err },
	)
	if err != nil {
		return err
	}
	for _, there := range attributes {
		delete(a.attributes, there.Name)
	}
	a.scopes = slices.DeleteFunc(slices.Clone(want.Scopes), func(name string) bool {
		return slices.ContainsFunc(scopes, func(s pingone.Scope) bool { return s.Name == name })
	})
	a.grants = append(a.grants, a.resourceGrant(scopes))
	return nil
}
