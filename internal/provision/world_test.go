package provision_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/provision"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

const (
	arn      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/orders-AbCdEf"
	otherARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/billing-AbCdEf"
)

var names = []string{"pingone/orders", arn}

// A world is a PingOne, an admin, and a provisioner that acts for one secret.
type world struct {
	*pingonetest.Server
	*provision.Provisioner
	t     *testing.T
	admin pingonetest.Application
	env   string
	notes []string
}

func newWorld(t *testing.T, roles ...string) *world {
	t.Helper()
	w := &world{Server: pingonetest.Run(t), t: t}
	if roles == nil {
		roles = []string{"Environment Admin", "Client Application Developer", "Identity Data Admin"}
	}
	admin := pingonetest.Application{Name: "admin"}
	for _, r := range roles {
		admin.Roles = append(admin.Roles, pingonetest.RoleAssignment{Role: r})
	}
	w.admin = w.AddApplication(admin)
	w.env = w.admin.Environment
	w.Provisioner = w.of(arn)
	return w
}

// of returns the provisioner of another secret.
func (w *world) of(arn string) *provision.Provisioner {
	return &provision.Provisioner{
		Client: &pingone.Client{
			Admin: pingone.Credential{
				Environment: pingone.Environment{ID: w.env, API: w.URL(), Auth: w.URL() + "/" + w.env},
				ClientID:    w.admin.ClientID,
				Secret:      pingone.NewSecret(w.admin.Secret),
				Method:      pingone.ClientSecretBasic,
			},
			Tokens: new(pingone.TokenCache),
			Wait:   func(context.Context, time.Duration) error { return nil },
		},
		AdminApplication: w.admin.ID,
		Marker:           provision.MarkerOf(arn),
		Note:             func(change string) { w.notes = append(w.notes, change) },
	}
}

// document returns the secret's document, for an application or, with an empty id, for none
// yet, with these members of rotation.
func (w *world) document(clientID, rotation string) *document.Document {
	w.t.Helper()
	id := ""
	if clientID != "" {
		id = fmt.Sprintf(`"clientId":%q,"clientSecret":"s",`, clientID)
	}
	d, err := document.Parse(fmt.Sprintf(`{"environmentId":%q,"region":"EU",%s"rotation":{%s}}`, w.env, id, strings.ReplaceAll(rotation, "$ENV", w.env)))
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// adminDocument is the admin's, with one entry for the secret.
func (w *world) adminDocument(applications, configure string) *document.Document {
	w.t.Helper()
	d, err := document.Parse(fmt.Sprintf(`{"environmentId":%q,"region":"EU","clientId":%q,"clientSecret":"s","allow":[{"secret":"pingone/orders","environmentId":%q,"applications":%s,"configure":{%s}}]}`,
		w.env, w.admin.ClientID, w.env, applications, strings.ReplaceAll(configure, "$ENV", w.env)))
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// admins returns the ids of the function's admins.
func admins(ids ...string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return ids, nil }
}

// permit gives the provisioner the permission that the admin's entry grants the document.
func (w *world) permit(d *document.Document, applications, configure string) {
	w.t.Helper()
	p, err := w.Permit(w.t.Context(), w.adminDocument(applications, configure), names, d, admins())
	if err != nil {
		w.t.Fatal(err)
	}
	w.Permission = p
}

func (w *world) application(id string) *pingone.Application {
	w.t.Helper()
	app, err := w.Client.Application(w.t.Context(), w.env, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return app
}

// state is everything in PingOne that a provisioner can change.
func (w *world) state() string {
	w.t.Helper()
	ctx, c := w.t.Context(), w.Client
	apps, err := c.Applications(ctx, w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	var s strings.Builder
	for _, app := range apps {
		roles, err := c.RoleAssignments(ctx, w.env, app.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		grants, err := c.Grants(ctx, w.env, app.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&s, "%s %s %s\n%v %v\n%v\n", app.ID, app.Name, app.Body["redirectUris"], roles, grants, w.Mappings(w.env, app.ID))
		fmt.Fprintf(&s, "%s %s\n", app.Body["grantTypes"], app.Body["description"])
	}
	resources, err := c.Resources(ctx, w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range resources {
		attributes, err := c.Attributes(ctx, w.env, r.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		scopes, err := c.Scopes(ctx, w.env, r.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintln(&s, r, attributes, scopes)
	}
	return s.String()
}
