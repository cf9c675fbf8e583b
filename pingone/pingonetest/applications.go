package pingonetest

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

func (s *Server) applicationRoutes() {
	const all = "/v1/environments/{env}/applications"
	s.platform("GET "+all, OpListApplications, s.listApplications)
	s.platform("POST "+all, OpCreateApplication, s.createApplication)
	s.platform("GET "+all+"/{app}", OpReadApplication, s.readApplication)
	s.platform("PUT "+all+"/{app}", OpReplaceApplication, s.replaceApplication)
	s.platform("DELETE "+all+"/{app}", OpDeleteApplication, s.deleteApplication)
}

func (s *Server) listApplications(c *call) (any, *refusal) {
	if _, no := s.enter(c, permReadApplication); no != nil {
		return nil, no
	}
	var items []item
	for key := range s.known {
		if key.environment != c.target.environment {
			continue
		}
		if a := s.pastApps.view(key.String(), s.apps[key], s.Now(), c.lag); a != nil {
			items = append(items, item{key.id, func() any { return s.applicationBody(c, a) }})
		}
	}
	return c.page("applications", items)
}

func (s *Server) createApplication(c *call) (any, *refusal) {
	e, no := s.enter(c, permCreateApplication)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	for _, name := range []string{"clientId", "clientSecret"} {
		if _, chosen := f.rest[name]; chosen {
			f.problem("INVALID_PARAMETER", name, "is not available in this environment")
		}
	}
	inherits := f.flag("assignActorRoles", true)
	a, settings := configure(f)
	if a.Type == typeWorker {
		if settings["assignActorRoles"] = inherits; inherits {
			a.Roles = slices.Clone(c.roles)
		}
	}
	s.checkName(f, e.id, a.Name, "")
	if no := f.refusal(); no != nil {
		return nil, no
	}
	a.Environment, a.ID = e.id, newUUID()
	a.ClientID = a.ID
	if a.Protocol == openIDConnect {
		a.Secret, a.TokenTTL = newSecret(), time.Hour
	}
	s.pastApps.changing(appKey{a.Environment, a.ID}.String(), nil, s.Now())
	return created{s.applicationBody(c, s.store(a, settings))}, nil
}

func (s *Server) readApplication(c *call) (any, *refusal) {
	a, no := s.reach(c, permReadApplication)
	if no != nil {
		return nil, no
	}
	return s.applicationBody(c, a), nil
}

// replaceApplication replaces everything in the former configuration that a caller can
// write.
func (s *Server) replaceApplication(c *call) (any, *refusal) {
	a, no := s.reach(c, permUpdateApplication)
	if no != nil {
		return nil, no
	}
	f, no := readFields(c.body)
	if no != nil {
		return nil, no
	}
	f.drop("assignActorRoles")
	now, settings := configure(f)
	if f.problems == nil {
		f.choose("type", now.Type, a.Type)
		f.choose("protocol", now.Protocol, a.Protocol)
	}
	s.checkName(f, a.Environment, now.Name, a.ID)
	if no := f.refusal(); no != nil {
		return nil, no
	}
	if inherited, known := a.settings["assignActorRoles"]; known {
		settings["assignActorRoles"] = inherited
	}
	s.changingApplication(a)
	a.settings, a.updated = settings, s.Now()
	a.Name, a.Disabled, a.JWKS = now.Name, now.Disabled, now.JWKS
	a.TokenEndpointAuthMethod = now.TokenEndpointAuthMethod
	a.GrantTypes, a.ResponseTypes, a.RedirectURIs = now.GrantTypes, now.ResponseTypes, now.RedirectURIs
	return s.applicationBody(c, a), nil
}

func (s *Server) deleteApplication(c *call) (any, *refusal) {
	a, no := s.reach(c, permDeleteApplication)
	if no != nil {
		return nil, no
	}
	s.changingApplication(a)
	delete(s.apps, c.target)
	delete(s.ids, a.ID)
	delete(s.clients, a.ClientID)
	return nil, nil
}

// checkName refuses a name that another application of the environment has.
func (s *Server) checkName(f *fields, env, name, id string) {
	for _, other := range s.apps {
		if other.Environment == env && other.Name == name && other.ID != id {
			f.problem("UNIQUENESS_VIOLATION", "name", "is already in use")
			return
		}
	}
}

// Values in an application's configuration.
const (
	openIDConnect = "OPENID_CONNECT"
	typeWorker    = "WORKER"

	grantAuthorizationCode = "AUTHORIZATION_CODE"
	grantClientCredentials = "CLIENT_CREDENTIALS"

	pkceOptional = "OPTIONAL"
	pkceRequired = "REQUIRED"
	pkceS256     = "S256_REQUIRED"
)

var (
	applicationTypes = []string{"WEB_APP", "NATIVE_APP", "SINGLE_PAGE_APP", typeWorker, "SERVICE", "CUSTOM_APP", "TEMPLATE_APP", "PORTAL_LINK_APP"}
	protocols        = []string{openIDConnect, "SAML", "WS_FED", "EXTERNAL_LINK"}
	grantTypes       = []string{grantAuthorizationCode, "IMPLICIT", "REFRESH_TOKEN", grantClientCredentials, "DEVICE_CODE", "TOKEN_EXCHANGE", "CIBA"}
	responseTypes    = []string{"TOKEN", "ID_TOKEN", "CODE"}
	authMethods      = []string{"NONE", methodBasic, methodPost, methodSecretJWT, methodPrivateKeyJWT}
)

// configure reads the application that the caller wants. Members that mean nothing to this
// server become settings, which it shows as they came.
func configure(f *fields) (Application, map[string]any) {
	a := Application{
		Name:     f.require("name"),
		Disabled: !f.flag("enabled", false),
		Type:     f.choose("type", f.require("type"), applicationTypes...),
		Protocol: f.choose("protocol", f.require("protocol"), protocols...),
	}
	f.drop("_links", "_embedded", "id", "environment", "createdAt", "updatedAt", "clientId", "clientSecret", "secret")
	settings := defaultSettings(a)
	settings["hiddenFromAppPortal"] = f.flag("hiddenFromAppPortal", false)
	if a.Protocol == openIDConnect {
		if _, present := f.rest["grantTypes"]; !present {
			f.problem("REQUIRED_VALUE", "grantTypes", "must not be empty")
		}
		a.GrantTypes = f.texts("grantTypes", grantTypes...)
		a.ResponseTypes = f.texts("responseTypes", responseTypes...)
		a.RedirectURIs = f.texts("redirectUris")
		a.TokenEndpointAuthMethod = f.choose("tokenEndpointAuthMethod", f.require("tokenEndpointAuthMethod"), authMethods...)
		a.JWKS = f.text("jwks")
		if pkce := f.choose("pkceEnforcement", f.text("pkceEnforcement"), pkceOptional, pkceRequired, pkceS256); pkce != "" {
			settings["pkceEnforcement"] = pkce
		}
		checkGrants(f, a)
	} else if a.Type == typeWorker {
		f.problem("INVALID_VALUE", "protocol", "must be "+openIDConnect+" for this type")
	}
	maps.Copy(settings, f.rest)
	return a, settings
}

// checkGrants refuses grant types and methods that lack what they need.
func checkGrants(f *fields, a Application) {
	has := func(responseType string) bool { return slices.Contains(a.ResponseTypes, responseType) }
	code := slices.Contains(a.GrantTypes, grantAuthorizationCode)
	implicit := slices.Contains(a.GrantTypes, "IMPLICIT")
	if code && !has("CODE") {
		f.problem("INVALID_VALUE", "responseTypes", "must contain CODE for this grant type")
	}
	if implicit && !has("TOKEN") && !has("ID_TOKEN") {
		f.problem("INVALID_VALUE", "responseTypes", "must contain TOKEN or ID_TOKEN for this grant type")
	}
	if (code || implicit) && len(a.RedirectURIs) == 0 {
		f.problem("REQUIRED_VALUE", "redirectUris", "must not be empty for this grant type")
	}
	if a.TokenEndpointAuthMethod == methodPrivateKeyJWT && a.JWKS == "" && f.rest["jwksUrl"] == nil {
		f.problem("REQUIRED_VALUE", "jwks", "must not be empty for this authentication method")
	}
}

// defaultSettings returns the settings of an application for which none were given.
func defaultSettings(a Application) map[string]any {
	settings := map[string]any{"hiddenFromAppPortal": false}
	if a.Type == typeWorker {
		settings["accessControl"] = map[string]any{"role": map[string]any{"type": "ADMIN_USERS_ONLY"}}
	}
	if a.Protocol == openIDConnect {
		settings["pkceEnforcement"] = pkceOptional
	}
	return settings
}

func (s *Server) applicationBody(c *call, a *application) any {
	self := c.environmentURL() + "/applications/" + a.ID
	body := maps.Clone(a.settings)
	links := map[string]href{
		"self": {self}, "environment": {c.environmentURL()}, "attributes": {self + "/attributes"},
		"secret": {self + "/secret"}, "grants": {self + "/grants"},
	}
	if s.holdsRoles(a) {
		links["roleAssignments"] = href{self + "/roleAssignments"}
	}
	maps.Copy(body, map[string]any{
		"_links":      links,
		"environment": reference{a.Environment}, "id": a.ID, "name": a.Name, "enabled": !a.Disabled,
		"type": a.Type, "protocol": a.Protocol, "createdAt": wireTime(a.created), "updatedAt": wireTime(a.updated),
	})
	if a.ClientID != a.ID || s.assumed.FullReplies && a.Protocol == openIDConnect {
		body["clientId"] = a.ClientID
	}
	if s.assumed.FullReplies && a.Protocol == openIDConnect {
		maps.Copy(body, map[string]any{
			"parRequirement": "OPTIONAL", "parTimeout": 60, "deviceTimeout": 600, "idpSignoff": false,
			"signing": map[string]any{"keyRotationPolicy": reference{derivedUUID(a.Environment, "key rotation policy")}},
		})
	}
	for name, text := range map[string]string{"tokenEndpointAuthMethod": a.TokenEndpointAuthMethod, "jwks": a.JWKS} {
		if text != "" {
			body[name] = text
		}
	}
	for name, list := range map[string][]string{"responseTypes": a.ResponseTypes, "grantTypes": a.GrantTypes, "redirectUris": a.RedirectURIs} {
		if len(list) > 0 {
			body[name] = list
		}
	}
	return body
}

func unsupportedMedia() *refusal {
	return refuse(http.StatusUnsupportedMediaType, "INVALID_REQUEST", msgInvalidRequest)
}
