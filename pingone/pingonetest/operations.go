package pingonetest

// The operations, as they stand in [fault.Call].
const (
	OpListApplications   = "GET applications"
	OpCreateApplication  = "POST application"
	OpReadApplication    = "GET application"
	OpReplaceApplication = "PUT application"
	OpDeleteApplication  = "DELETE application"

	OpListRoles        = "GET roles"
	OpListCustomRoles  = "GET custom roles"
	OpListAssignments  = "GET application role assignments"
	OpAssignRole       = "POST application role assignment"
	OpReadAssignment   = "GET application role assignment"
	OpDeleteAssignment = "DELETE application role assignment"

	OpListResources            = "GET resources"
	OpCreateResource           = "POST resource"
	OpReadResource             = "GET resource"
	OpListScopes               = "GET scopes"
	OpCreateScope              = "POST scope"
	OpListAttributes           = "GET attributes"
	OpCreateAttribute          = "POST attribute"
	OpReadResourceSecret       = "GET resource secret"
	OpRegenerateResourceSecret = "POST resource secret"
	OpDeletePreviousOfResource = "DELETE resource secret"

	OpListGrants   = "GET application grants"
	OpCreateGrant  = "POST application grant"
	OpReadGrant    = "GET application grant"
	OpReplaceGrant = "PUT application grant"
	OpDeleteGrant  = "DELETE application grant"

	OpReadSecret       = "GET application secret"
	OpRegenerateSecret = "POST application secret"
	OpDeletePrevious   = "DELETE application secret"

	OpListPopulations  = "GET populations"
	OpCreatePopulation = "POST population"
	OpListUsers        = "GET users"
	OpCreateUser       = "POST user"
	OpReadUser         = "GET user"
	OpUpdateUser       = "PATCH user"
	OpReadPassword     = "GET user password"
	OpSetPassword      = "set user password"

	OpAuthorize  = "authorize"
	OpReadFlow   = "GET flow"
	OpSubmitFlow = "POST flow"
	OpResume     = "GET resume"
	OpIntrospect = "POST introspect"
	OpToken      = "POST token"
	OpJWKS       = "GET jwks"
	OpDiscovery  = "GET openid-configuration"
)
