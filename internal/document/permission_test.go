package document_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/document"
)

const (
	adminID  = "33333333-3333-4333-8333-333333333333"
	victimID = "44444444-4444-4444-8444-444444444444"
	twinID   = "55555555-5555-4555-8555-555555555555"
	otherEnv = "66666666-6666-4666-8666-666666666666"
)

func parse(t *testing.T, text string) *document.Document {
	t.Helper()
	d, err := document.Parse(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// admin is an admin's document with these entries.
func admin(t *testing.T, entries ...string) *document.Document {
	t.Helper()
	return parse(t, fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q,"clientSecret":"s","allow":[%s]}`, envID, adminID, strings.Join(entries, ",")))
}

// entry is for pingone/orders in the environment.
func entry(applications, configure string) string {
	return fmt.Sprintf(`{"secret":"pingone/orders","environmentId":%q,"applications":%s,"configure":{%s}}`, envID, applications, configure)
}

// target is an application's document with these members of rotation.
func target(t *testing.T, id, rotation string) *document.Document {
	t.Helper()
	if id == "" {
		return parse(t, fmt.Sprintf(`{"environmentId":%q,"region":"EU","rotation":{%s}}`, envID, rotation))
	}
	return parse(t, fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q,"clientSecret":"s","rotation":{%s}}`, envID, id, rotation))
}

var names = []string{"pingone/orders", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/orders-AbCdEf"}

// marked are facts of applications that were read.
func marked(all map[string]document.Mark) document.Facts {
	return document.Facts{Admins: []string{}, Targets: all, TwinMarker: func(original string) string { return "[twin of " + original + "]" }}
}

func TestWithoutAnEntryNothingIsServed(t *testing.T) {
	own := `["` + appID + `"]`
	application := `"application":{"preset":"non-interactive-worker","name":"a"}`
	alternating := func(twin string) string { return `"strategy":"alternating","twin":"` + twin + `"` }
	for _, c := range []struct {
		name         string
		admin        *document.Document
		target       *document.Document
		facts        document.Facts
		want, remedy string // of the error; "" for none
	}{
		{"no allow at all", parse(t, fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q,"clientSecret":"s"}`, envID, adminID)), target(t, appID, ""), document.Facts{},
			"does not allow this secret", "pingone/orders"},
		{"an empty allow", admin(t), target(t, appID, ""), document.Facts{}, "does not allow this secret", "add to allow an entry"},
		{"listed", admin(t, entry(own, "")), target(t, appID, ""), document.Facts{}, "", ""},
		{"not listed", admin(t, entry(own, "")), target(t, victimID, ""), document.Facts{}, "the application " + victimID, victimID},
		{"another secret's entry", admin(t, strings.Replace(entry(own, ""), "orders", "billing", 1)), target(t, appID, ""), document.Facts{}, "does not allow this secret", ""},
		{"another environment's entry", admin(t, strings.Replace(entry(own, ""), envID, otherEnv, 1)), target(t, appID, ""), document.Facts{}, "does not allow this secret", ""},
		{"no applications", admin(t, `{"secret":"pingone/orders","environmentId":"`+envID+`"}`), target(t, appID, ""), document.Facts{}, "field allow[0].applications: is missing", "ids"},
		{"no applications in another entry", admin(t, entry(own, ""), `{"secret":"x","environmentId":"`+envID+`","applications":[]}`), target(t, appID, ""), document.Facts{}, "field allow[1].applications: is missing", "ids"},
		{"any", admin(t, entry(`"*"`, "")), target(t, victimID, ""), document.Facts{Admins: []string{}}, "", ""},
		{"any, an admin", admin(t, entry(`"*"`, "")), target(t, victimID, ""), document.Facts{Admins: []string{victimID}}, "does not allow this secret the application", ""},
		{"an admin by its id", admin(t, entry(`["`+victimID+`"]`, "")), target(t, victimID, ""), document.Facts{Admins: []string{victimID}}, "", ""},
		{"marked", admin(t, entry(`"marked"`, "")), target(t, appID, ""), marked(map[string]document.Mark{appID: {Marked: true}}), "", ""},
		{"not marked", admin(t, entry(`"marked"`, "")), target(t, victimID, ""), marked(map[string]document.Mark{victimID: {}}), "does not allow this secret the application", ""},
		{"marked, an admin", admin(t, entry(`"marked"`, "")), target(t, appID, ""), document.Facts{Admins: []string{appID}, Targets: map[string]document.Mark{appID: {Marked: true}}}, "does not allow", ""},
		{"a custom resource", admin(t, entry(own, "")), target(t, victimID, `"kind":"resource"`), document.Facts{}, "the resource " + victimID, ""},
		{"the admin itself", admin(t, entry(`["`+adminID+`"]`, "")), target(t, adminID, ""), document.Facts{}, "of the target application itself", ""},
		{"the admin as a twin", admin(t, entry(own, "")), target(t, appID, alternating(adminID)), document.Facts{}, "of the target application itself", ""},

		{"to be created", admin(t, entry(`"marked"`, `"create":true`)), target(t, "", application), document.Facts{}, "", ""},
		{"to be created, not allowed", admin(t, entry(`"*"`, "")), target(t, "", application), document.Facts{}, "create an application", `"create": true`},
		{"to be created, and never served", admin(t, entry(own, `"create":true`)), target(t, "", application), document.Facts{}, "create an application", `"marked"`},

		{"both of a pair", admin(t, entry(`["`+appID+`","`+twinID+`"]`, "")), target(t, appID, alternating(twinID)), document.Facts{}, "", ""},
		{"a twin with its original", admin(t, entry(own, "")), target(t, appID, alternating(twinID)), marked(map[string]document.Mark{appID: {}, twinID: {TwinOf: appID}}), "", ""},
		{"the same, after a rotation", admin(t, entry(own, "")), target(t, twinID, alternating(appID)), marked(map[string]document.Mark{appID: {}, twinID: {TwinOf: appID}}), "", ""},
		{"a twin of a marked original", admin(t, entry(`"marked"`, "")), target(t, twinID, alternating(appID)), marked(map[string]document.Mark{appID: {Marked: true}, twinID: {TwinOf: appID}}), "", ""},
		{"an original does not go with its twin", admin(t, entry(`["`+twinID+`"]`, "")), target(t, appID, alternating(twinID)), marked(map[string]document.Mark{appID: {}, twinID: {TwinOf: appID}}), "does not allow", ""},
		{"a twin that the document made up", admin(t, entry(own, "")), target(t, appID, alternating(victimID)), marked(map[string]document.Mark{appID: {}, victimID: {}}), "field rotation.twin", "remove the field"},
		{"an original that the document made up", admin(t, entry(own, "")), target(t, victimID, alternating(appID)), marked(map[string]document.Mark{appID: {}, victimID: {}}), "field rotation.twin", "remove the field"},
		{"a twin that the document made up, any", admin(t, entry(`"*"`, "")), target(t, appID, alternating(victimID)), marked(map[string]document.Mark{appID: {}, victimID: {}}), "field rotation.twin", ""},
		{"an original that is an admin, any", admin(t, entry(`"*"`, "")), target(t, twinID, alternating(victimID)), document.Facts{Admins: []string{victimID}, Targets: map[string]document.Mark{victimID: {}, twinID: {TwinOf: victimID}}}, "does not allow", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := document.Permit(c.admin, names, c.target, c.facts)
			if c.want == "" {
				if err != nil || p == nil || p == document.Everything {
					t.Errorf("got %v, want a permission", err)
				}
				return
			}
			if err == nil || p != nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a refusal that says %q", err, c.want)
			}
			if r, ok := err.(interface{ Remedy() string }); ok && (r.Remedy() == "" || !strings.Contains(r.Remedy(), c.remedy)) {
				t.Errorf("got the remedy %q, want it to say %q", r.Remedy(), c.remedy)
			}
		})
	}
}

func TestWhatMustBeReadBeforeTheAnswerIsNamedAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		applications, id, rotation string
		facts                      document.Facts
		want                       []string // nil: the admins
	}{
		{`"marked"`, appID, "", document.Facts{}, nil},
		{`"*"`, appID, "", document.Facts{}, nil},
		{`"marked"`, appID, "", marked(nil), []string{appID}},
		{`["` + appID + `"]`, appID, `"strategy":"alternating","twin":"` + twinID + `"`, document.Facts{}, []string{appID, twinID}},
		{`["` + appID + `"]`, appID, `"strategy":"alternating","twin":"` + twinID + `"`, marked(map[string]document.Mark{appID: {}}), []string{twinID}},
		{`"marked"`, twinID, `"strategy":"alternating","twin":"` + appID + `"`, marked(nil), []string{appID, twinID}},
	} {
		_, err := document.Permit(admin(t, entry(c.applications, "")), names, target(t, c.id, c.rotation), c.facts)
		unread, ok := errors.AsType[*document.Unread](err)
		slices.Sort(c.want)
		if !ok || !slices.Equal(unread.IDs, c.want) || unread.Admins != (c.want == nil) {
			t.Errorf("%s of %s: got %v, want that %q are to be read", c.id, c.applications, err, c.want)
		}
	}
}

func TestATestUserIsAllowedByTheTextThatTheEntryHas(t *testing.T) {
	own := func(users string) string {
		return strings.TrimSuffix(entry(`["`+appID+`"]`, ""), "}") + `,"testUsers":` + users + "}"
	}
	for users, want := range map[string]bool{
		`["pingone/user"]`:       true,
		`["x","pingone/user"]`:   true,
		`[]`:                     false,
		`["pingone/*"]`:          false, // it is no pattern
		`["pingone/user-2","p"]`: false,
	} {
		p, err := document.Permit(admin(t, own(users)), names, target(t, appID, ""), document.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		err = p.AllowsTestUser("pingone/user")
		if refused, ok := errors.AsType[*document.Refusal](err); (err == nil) != want || err != nil && (!ok || !strings.Contains(refused.Remedy(), `"pingone/user"`)) {
			t.Errorf("%s: got %v", users, err)
		}
	}
	if err := document.Everything.AllowsTestUser("pingone/user"); err != nil {
		t.Error(err)
	}
}

func TestNothingIsChangedThatIsNotListed(t *testing.T) {
	const url = "https://orders.example.com/back"
	nothing := ""
	everything := `"create":true,"members":["grantTypes"],"roles":[{"role":"Identity Data Admin","scope":"` + envID + `"}],"grants":["openid"],"redirectUris":["` + url + `"],"resources":["orders"]`
	for _, c := range []struct {
		name      string
		configure string
		change    document.Change
		want      bool
		remedy    string
	}{
		{"create", everything, document.Change{Kind: document.CreateApplication, Name: "a", Own: true}, true, ""},
		{"create", nothing, document.Change{Kind: document.CreateApplication, Name: "a", Own: true}, false, `"create": true`},
		{"a listed member", everything, document.Change{Kind: document.SetMember, Name: "grantTypes"}, true, ""},
		{"another member", everything, document.Change{Kind: document.SetMember, Name: "pkceEnforcement"}, false, `"members": ["pkceEnforcement"]`},
		{"a member of what was created", `"create":true`, document.Change{Kind: document.SetMember, Name: "pkceEnforcement", Own: true}, true, ""},
		{"a member of what is marked, without create", nothing, document.Change{Kind: document.SetMember, Name: "pkceEnforcement", Own: true}, false, ""},
		{"a listed URL", everything, document.Change{Kind: document.SetMember, Name: "redirectUris", Values: []string{url}}, true, ""},
		{"another URL", everything, document.Change{Kind: document.SetMember, Name: "redirectUris", Values: []string{url, "https://evil.example"}, Own: true}, false, "redirectUris"},
		{"a URL with a listed beginning", everything, document.Change{Kind: document.SetMember, Name: "redirectUris", Values: []string{url + ".evil.example"}}, false, ""},
		{"a login page", everything, document.Change{Kind: document.SetMember, Name: "loginPageUrl", Values: []string{"https://evil.example"}, Own: true}, false, ""},
		{"no URL any more", nothing, document.Change{Kind: document.SetMember, Name: "redirectUris"}, false, ""},
		{"a listed role", everything, document.Change{Kind: document.AssignRole, Name: "identity data admin", Scope: envID}, true, ""},
		{"the role elsewhere", everything, document.Change{Kind: document.AssignRole, Name: "Identity Data Admin", Scope: otherEnv}, false, otherEnv},
		{"another role", everything, document.Change{Kind: document.AssignRole, Name: "Environment Admin", Scope: envID, Own: true}, false, `"Environment Admin"`},
		{"removing a role of what was created", everything, document.Change{Kind: document.RemoveRole, Name: "Environment Admin", Scope: envID, Own: true}, true, ""},
		{"stripping a role", everything, document.Change{Kind: document.RemoveRole, Name: "Environment Admin", Scope: envID}, false, ""},
		{"removing a listed role", everything, document.Change{Kind: document.RemoveRole, Name: "Identity Data Admin", Scope: envID}, true, ""},
		{"a listed grant", everything, document.Change{Kind: document.GrantResource, Name: "openid"}, true, ""},
		{"a grant of a listed resource", everything, document.Change{Kind: document.GrantResource, Name: "orders"}, true, ""},
		{"another grant", everything, document.Change{Kind: document.GrantResource, Name: "billing", Own: true}, false, `"grants": ["billing"]`},
		{"stripping a grant", everything, document.Change{Kind: document.RemoveGrant, Name: "billing"}, false, ""},
		{"a listed resource", everything, document.Change{Kind: document.CreateResource, Name: "orders", Own: true}, true, ""},
		{"another resource", everything, document.Change{Kind: document.CreateResource, Name: "billing", Own: true}, false, `"resources": ["billing"]`},
		{"its attributes", everything, document.Change{Kind: document.ChangeResource, Name: "orders", Own: true}, true, ""},
		{"those of another team's resource", everything, document.Change{Kind: document.ChangeResource, Name: "orders"}, false, "complete it in PingOne"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := document.Permit(admin(t, entry(`["`+appID+`"]`, c.configure)), names, target(t, appID, ""), document.Facts{})
			if err != nil {
				t.Fatal(err)
			}
			err = p.Allows(c.change)
			if c.want != (err == nil) {
				t.Fatalf("got %v, want allowed: %t", err, c.want)
			}
			if r, ok := errors.AsType[*document.Refusal](err); !c.want && (!ok || !strings.Contains(r.Remedy(), c.remedy)) {
				t.Errorf("got %v, want a refusal with a remedy that says %q", err, c.remedy)
			}
			if document.Everything.Allows(c.change) != nil || (*document.Permission)(nil).Allows(c.change) != nil {
				t.Error("everything does not allow it")
			}
		})
	}
}
