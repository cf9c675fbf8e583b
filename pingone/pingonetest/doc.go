// Package pingonetest plays PingOne: a state machine of applications, their
// secrets and their tokens behind a real listener on the loopback interface, so
// that an unmodified client can be tested without an account.
//
//	p := pingonetest.Run(t)
//	admin := p.AddApplication(pingonetest.Application{Roles: []pingonetest.RoleAssignment{{Role: "Environment Admin"}}})
//	app := p.AddApplication(pingonetest.Application{Environment: admin.Environment, Type: "WEB_APP"})
//
// The server refuses what PingOne refuses, with PingOne's words. Tests seed and
// inspect its state directly, move its clock, and spoil calls through the
// embedded [fault.Line].
//
// # Beliefs
//
// Nobody outside Ping Identity can know that a stand-in is right, so this list
// says what it holds to be true, and how well that is supported: by the vendor's
// documentation (documented), by the vendor's SDK, Terraform provider or command
// line (vendor code), by somebody who met it (field report), or by nothing
// (assumed). An assumption always takes the reading that is harder on the
// caller. A test cites each number. Titles are those of the PingOne API
// reference unless another book is named.
//
// Secrets:
//
//   - B01: an application's secret is addressed by the application's id, which is not its client id if it was imported. (documented: Application Secret; PingOne Admin: Setting a custom client ID and client secret)
//   - B02: reading a secret shows it, and the previous one in clear text for as long as that is retained. (vendor code; documented: Read Application Secret)
//   - B03: a previous secret that has expired no longer authenticates and is no longer shown. (documented: Application Secret)
//   - B04: lastUsed is absent after a regeneration and is set when the previous secret authenticates. (vendor code for its absence; assumed for the rest)
//   - B05: an unknown application and one of another protocol than OPENID_CONNECT get the same 404. (vendor code)
//   - B06: a regeneration that does not ask for retention ends the old secret at once. (documented: Update Application Secret; vendor code)
//   - B07: a regeneration with previous.expiresAt answers 200 with both secrets. (vendor code)
//   - B08: previous.expiresAt lies more than one minute and at most 30 days ahead of PingOne's clock, else 400 INVALID_DATA. (vendor code for the range; assumed for the reply, and that one minute exactly is too late on arrival)
//   - B09: there is one previous slot, and a regeneration evicts a live secret from it. (assumed)
//   - B10: a caller cannot choose the value: a body with a member that is not known gets 400, and nothing changes. (documented: Update Application Secret for the first part; assumed for the reply)
//   - B11: a regeneration that is not application/json gets 415 and nothing changes. (vendor code)
//   - B12: deleting removes the previous secret alone with 204, and gets 404 where there is none. (vendor code for 204; assumed for 404)
//   - B13: a regenerated secret has 64 characters of a-z A-Z 0-9 - . _ ~. (vendor code for the characters, of resource secrets; field report for the length)
//
// Access:
//
//   - B14: a role gives its permissions at its scope only: the organization, an environment, or one application. (documented: Roles)
//   - B15: no built-in role but Environment Admin and Client Application Developer can regenerate a secret. (documented in PingOne Admin: Roles for these two; assumed for Application Owner and Organization Admin)
//   - B16: an application cannot read, regenerate or delete its own secret. (documented: Application Role Assignments; vendor code for reading; assumed for the rest)
//   - B17: nobody reaches the secret of an application that has a role which they neither hold nor can assign at its scope or above. (documented: Application Secret; vendor code for the reply)
//   - B18: a token conveys the roles that its application had when it was issued and still has. (assumed)
//   - B19: a bearer token is refused with 401 if it is missing, unknown, expired, meant for a custom resource, or of a disabled application. (documented: Error codes for the reply; assumed for the disabled application)
//   - B20: an access token outlives the secret that obtained it. (documented: Token Revocation)
//   - B21: an application may manage others in another environment than its own. (documented: Configure a Non-Interactive Worker Application)
//   - B22: calls above the rate limit get 429 REQUEST_LIMITED with Retry-After, in seconds or as an HTTP date. (documented: Retry best practices; vendor code for both forms)
//   - B23: an error is {id, code, message, details}, and no two have the same id. (vendor code; documented: Error codes)
//   - B24: reading an application shows whether it is enabled, how it authenticates, and its client id only if that was imported. (documented: Create Application for the form; assumed for the client id)
//   - B25: the caller's transaction id is accepted, with characters outside the allowed set replaced by an underscore. (vendor code)
//
// Tokens:
//
//   - B26: credentials come in the Basic header or in the body, never in both. (documented: Non-interactive applications)
//   - B27: a wrong secret, an unknown client and another environment's client get the same 401 invalid_client. (vendor code)
//   - B28: another method than the application's own is refused as an unsupported authentication method, whatever the secret. (vendor code; field report)
//   - B29: a disabled application is refused as if its credentials were wrong. (assumed)
//   - B30: the client is authenticated first, then come its grants, its scopes and its roles: 400 proves the credentials. (field report)
//   - B31: both halves of a Basic credential are form-encoded. (RFC 6749 section 2.3.1; assumed of PingOne)
//   - B32: a token for the PingOne API lives one hour, names the API in aud, and carries env and org but no scope. (documented: Access token claims)
//   - B33: a token for a custom resource names that resource in aud, and carries its scopes and attributes but neither env nor org. (documented: Access token claims)
//   - B34: below a custom domain the paths have no environment id. (documented in PingOne Admin: Custom domains)
//   - B35: a regenerated secret may be refused for a while, and the previous one is not. (assumed; no page states a propagation time)
//   - B36: a token's signature verifies with the key set that the issuer's discovery document names. (documented: OpenID Connect discovery)
package pingonetest
