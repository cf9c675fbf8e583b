package rotation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// pointUser is the point of the test user.
const pointUser = "test user"

// userCanSignOn checks what the test user needs of the application to sign on: the grant type,
// the redirect URI, and the scopes.
func (c *checkup) userCanSignOn(ctx context.Context, app *pingone.Application, u *document.TestUser) {
	d := c.found.current.Document
	var redirects []string
	json.Unmarshal(app.Body["redirectUris"], &redirects) // if it is absent, there are none
	switch {
	case !slices.Contains(app.GrantTypes, "AUTHORIZATION_CODE"):
		c.fail(pointUser, "add AUTHORIZATION_CODE to the application's grantTypes, or remove rotation.verify.userSecretId", "cannot sign on: the application does not have the grant type AUTHORIZATION_CODE")
		return
	case !slices.Contains(redirects, u.Login.RedirectURI):
		c.fail(pointUser, "add it to the application's redirectUris, or correct redirectUri in "+d.Rotation.Verify.UserSecretID, "cannot sign on: %s is not a redirect URI of the application", document.Printable(u.Login.RedirectURI))
		return
	}
	granted, err := c.grantedScopes(ctx)
	if err != nil {
		c.warn(pointUser, "give the admin a role that may read resources and grants, to have them checked", "whether its scopes are granted cannot be read: %v", err)
		return
	}
	for _, scope := range strings.Fields(u.Login.Scope) {
		if !slices.Contains(granted, scope) {
			c.fail(pointUser, "grant it in the console, at the application's Resources, or by rotation.application.grants", "cannot sign on: the scope %s is not granted to the application", document.Printable(scope))
			return
		}
	}
	c.ok(pointUser, "may ask for %s", document.Printable(u.Login.Scope))
}

// grantedScopes returns the names of the scopes granted to the application.
func (c *checkup) grantedScopes(ctx context.Context) (names []string, err error) {
	d, client := c.found.current.Document, c.found.acting.client
	grants, err := client.Grants(ctx, d.EnvironmentID, d.ApplicationID())
	for _, g := range grants {
		if err != nil {
			break
		}
		var scopes []pingone.Scope
		scopes, err = client.Scopes(ctx, d.EnvironmentID, g.ResourceID)
		for _, s := range scopes {
			if slices.Contains(g.ScopeIDs, s.ID) {
				names = append(names, s.Name)
			}
		}
	}
	return names, err
}
