package pingonetest

// Assumptions choose between the possible readings of what no source decides. The zero
// value has the reading that is harder on a caller, except where a field says otherwise.
type Assumptions struct {
	// PreviousSigns: an assertion that is signed with the previous secret
	// authenticates a client of CLIENT_SECRET_JWT (B57).
	PreviousSigns bool

	// ArrayClaims: a resource's attribute that is a list in JSON becomes an array in a
	// token, and not a string (B56).
	ArrayClaims bool

	// AllHaveRoles: applications that are not workers have role assignments too, if only an
	// empty list of them (B78).
	AllHaveRoles bool

	// RoleRefusedAsInvalid: a role that the caller may not give is refused with 400
	// INVALID_DATA, and not with 403 (B48).
	RoleRefusedAsInvalid bool

	// WorkersAreAlone: a worker is granted no custom resource, so that its tokens are for
	// the PingOne API (B55). It is the one harder reading that is off at first, because
	// only a single report supports it.
	WorkersAreAlone bool

	// NoEnvironmentClaim: tokens for custom resources do not name the environment and
	// the organization (B33).
	NoEnvironmentClaim bool

	// FullReplies: an application is shown with clientId even if that is its id, and
	// with settings that replies have had since 2026 (B24).
	FullReplies bool

	// TokensOutlive: an access token works until it expires, with the roles of its first
	// moment, even if its application has since been disabled, deleted or stripped of the
	// role (B18, B19, B42). The other reading is harder on a caller; this one is harder on
	// those who must end a leak.
	TokensOutlive bool

	// TypedTokens: the header of an access token has typ at+jwt (B79).
	TypedTokens bool
}

// Assume sets the readings that the server uses from now on.
func (s *Server) Assume(a Assumptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assumed = a
}
