package document_test

import (
	"strings"
	"testing"

	"pingrotate/internal/document"
)

func TestEntryForASecretAllowsWhatItsDocumentAsksForAndNoMore(t *testing.T) {
	const web = `"application":{"preset":"authorization-code-web-app","name":"a","redirectUris":["https://a.example","https://b.example?x=<1>&y=2"],"homePageUrl":"https://a.example",` +
		`"roles":[{"role":"Identity Data Admin","scope":{"type":"ENVIRONMENT","id":"` + envID + `"}}],"grants":[{"resource":"openid","scopes":["profile"]}],"resource":{"name":"orders","scopes":["s"]}}`
	asked := []document.Change{
		{Kind: document.SetMember, Name: "redirectUris", Values: []string{"https://a.example", "https://b.example?x=<1>&y=2"}},
		{Kind: document.SetMember, Name: "homePageUrl", Values: []string{"https://a.example"}},
		{Kind: document.AssignRole, Name: "Identity Data Admin", Scope: envID},
		{Kind: document.GrantResource, Name: "openid"},
		{Kind: document.CreateResource, Name: "orders", Own: true},
	}
	more := []document.Change{
		{Kind: document.SetMember, Name: "loginPageUrl", Values: []string{"https://c.example"}},
		{Kind: document.AssignRole, Name: "Environment Admin", Scope: envID},
		{Kind: document.GrantResource, Name: "PingOne API"},
		{Kind: document.SetMember, Name: "pkceEnforcement"},
	}
	for _, c := range []struct {
		name, id, rotation string
		asked              []document.Change
	}{
		{"an application", appID, "", nil},
		{"a pair", appID, `"strategy":"alternating","twin":"` + twinID + `"`, nil},
		{"a custom resource", appID, `"kind":"resource"`, nil},
		{"a specification of an application", appID, web, append(asked, document.Change{Kind: document.SetMember, Name: "grantTypes"})},
		{"a specification to create", "", web, append(asked, document.Change{Kind: document.CreateApplication, Own: true}, document.Change{Kind: document.SetMember, Name: "grantTypes", Own: true})},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := target(t, c.id, c.rotation)
			text := document.EntryFor("pingone/orders", d)
			p, err := document.Permit(admin(t, text), names, d, document.Facts{})
			if err != nil {
				t.Fatalf("%v with the entry\n%s", err, text)
			}
			if err := p.Allows(c.asked...); err != nil {
				t.Errorf("%v with the entry\n%s", err, text)
			}
			for _, change := range more {
				if p.Allows(change) == nil {
					t.Errorf("the entry also allows: %v\n%s", change, text)
				}
			}
			if _, err := document.Permit(admin(t, text), names, target(t, victimID, ""), document.Facts{Targets: map[string]document.Mark{victimID: {}}}); err == nil {
				t.Error("the entry also allows another application")
			}
			if strings.Contains(text, `"s"`) {
				t.Error("the entry has the secret in it")
			}
		})
	}
}
