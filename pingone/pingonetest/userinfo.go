package pingonetest

import (
	"net/http"
	"slices"
	"strings"

	"pingrotate/internal/fault"
)

// serveUserInfo says who signed on (OpenID Connect Core, section 5.3), to the bearer of a
// user's token with the scope openid.
func (s *Server) serveUserInfo(w http.ResponseWriter, r *http.Request, at authority) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	call := fault.Call{Operation: OpUserInfo, Target: at.environment, Trace: s.transactionID(r)}
	s.Serve(w, r, call, s.words(invalidToken()), func(fault.Call) fault.Reply {
		s.mu.Lock()
		defer s.mu.Unlock()
		token, known := s.tokens[bearer]
		if !known || !s.live(token) || token.user == nil || token.client.Environment != at.environment {
			return invalidToken().reply()
		}
		if !slices.Contains(token.scopes, "openid") {
			return forbidden().reply()
		}
		claims := map[string]any{"sub": token.user.id}
		token.client.mapClaims(claims, token.user, token.scopes, func(m *attributeMapping) bool { return m.userInfo })
		return jsonReply(http.StatusOK, claims)
	})
}
