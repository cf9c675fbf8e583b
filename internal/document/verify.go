package document

// Verify says what a token must have before its secret is promoted.
type Verify struct {
	UserSecretID string // a test user that signs on for the token; "" for the application itself

	Scope    string // to ask for and to find in the token
	Audience string
	Claims   map[string]any // as decoded from JSON; each element of an array must be there
}

// DemandsNothing reports whether any token will do.
func (v Verify) DemandsNothing() bool {
	return v.Scope == "" && v.Audience == "" && len(v.Claims) == 0
}
