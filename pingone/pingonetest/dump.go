package pingonetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Dump returns the whole state as text, sorted, with fingerprints for secrets.
func (s *Server) Dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	now := s.Now()
	fmt.Fprintf(&b, "time %s\n", wireTime(now))
	byKey := func(x, y appKey) int {
		return cmp.Or(strings.Compare(x.environment, y.environment), strings.Compare(x.id, y.id))
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.apps), byKey) {
		a := s.apps[key]
		state := "enabled"
		if a.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(&b, "environment %s application %s client %s %q %s %s %s %s\n",
			a.Environment, a.ID, a.ClientID, a.Name, a.Type, a.Protocol, a.TokenEndpointAuthMethod, state)
		if a.secret != "" {
			fmt.Fprintf(&b, "  secret %s minted %d times\n", fingerprint(a.secret), a.mints)
		}
		if p := a.retained(now); p.secret != "" {
			used := "never used"
			if !p.used.IsZero() {
				used = "used " + wireTime(p.used)
			}
			fmt.Fprintf(&b, "  previous %s until %s %s\n", fingerprint(p.secret), wireTime(p.expires), used)
		}
		for _, r := range a.Roles {
			fmt.Fprintf(&b, "  role %s at %s %s\n", r.Role, r.ScopeType, r.ScopeID)
		}
		for _, e := range s.entitlements(a) {
			fmt.Fprintf(&b, "  grant %s %s %s\n", e.kind, e.audience, strings.Join(e.scopes, " "))
		}
	}
	return b.String()
}
