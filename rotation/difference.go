package rotation

import (
	"context"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// specificationHolds shows in what the application differs from what the document
// says of it, and applies nothing.
func (c *checkup) specificationHolds(ctx context.Context, admin *pingone.Client, current *stored) {
	d := current.Document
	if d.Rotation.Application == nil {
		return
	}
	provisioner := c.provisioner(admin)
	access, err := provisioner.Resolve(ctx, d)
	if c.failed("specification", err) {
		return
	}
	if d.ClientID == "" {
		app, err := provisioner.FindOwn(ctx, d)
		switch {
		case c.failed("specification", err):
		case app != nil:
			c.ok("specification", "application %s has been created for it; the first rotation completes it and takes its secret over", app.ID)
		default:
			c.ok("specification", "the first rotation creates the application %q%s", document.Printable(d.Rotation.Application.Name), introduce(", with ", access.Summary()))
		}
		return
	}
	app, err := admin.Application(ctx, d.EnvironmentID, d.ApplicationID())
	if err != nil {
		return // which is a point of its own
	}
	if method := d.Rotation.Application.Method(); method != app.TokenEndpointAuthMethod {
		c.fail("specification", "correct rotation.application.tokenEndpointAuthMethod: to change the application's would lock out the consumers of AWSCURRENT",
			"asks for %s, and the application uses %s", method, app.TokenEndpointAuthMethod)
		return
	}
	differences, err := provisioner.Differences(ctx, d, access, app)
	switch {
	case c.failed("specification", err):
	case len(differences) > 0:
		c.warn("specification", "nothing to do: the next rotation changes it", "the application differs: %s", strings.Join(differences, "; "))
	default:
		c.ok("specification", "the application is as rotation.application says")
	}
}

// introduce joins words behind an introduction; no words need none.
func introduce(introduction string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return introduction + strings.Join(words, ", ")
}
