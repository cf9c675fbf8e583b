// Package pingonetest plays PingOne: a state machine of applications, their
// secrets, roles, resources, users and tokens behind a real listener on the
// loopback interface, so that an unmodified client can be tested without an
// account.
//
//	p := pingonetest.Run(t)
//	admin := p.AddApplication(pingonetest.Application{Roles: []pingonetest.RoleAssignment{{Role: "Environment Admin"}}})
//	app := p.AddApplication(pingonetest.Application{Environment: admin.Environment, Type: "WEB_APP"})
//
// The server refuses what PingOne refuses, with PingOne's words. Tests seed and
// inspect its state directly, move its clock, and spoil calls through the
// embedded [fault.Line].
//
// # What can lag
//
// [fault.Line.Lag] makes each read lag: of secrets, applications with their grants,
// role assignments, attribute mappings and policies, resources with their scopes and
// attributes, populations and users, and lists of all these. A write to a thing that
// its lag does not see yet is 404. The token and the introspection endpoint judge by
// the secrets as they were, and [Server.Nodes] gives each host its own time to learn
// of a new secret and to forget an ended one. What [fault.Lag] counts are the changes
// of what a call is about: of an application's secret the regenerations and
// deletions, of an application all else. What tests seed has always been there.
//
// # Beliefs
//
// Only Ping Identity can know that a stand-in is right, so this list says what it
// holds to be true, and how well that is supported: by an answer of the service that
// was written down (recorded), by the vendor's documentation (documented), by the
// vendor's SDK, Terraform provider or command line (seen in a client), by a user
// who met it (reported), or by nothing (assumed). An assumption takes the reading
// that is harder on the caller, or is one of [Assumptions]. A test cites each number.
// Titles are those of the PingOne API reference unless another book is named.
//
// Secrets:
//
//   - B01: an application's secret is addressed by the application's id, which is not its client id if it was imported. (documented: Application Secret; PingOne Admin: Setting a custom client ID and client secret)
//   - B02: reading a secret shows it, and the previous one in clear text for as long as that is retained. (seen in a client; documented: Read Application Secret)
//   - B03: a previous secret that has expired no longer authenticates and is no longer shown. (documented: Application Secret)
//   - B04: lastUsed is absent after a regeneration and is set when the previous secret authenticates. (seen in a client for its absence; assumed for the rest)
//   - B05: an unknown application and one whose protocol is not OPENID_CONNECT get the same 404. (seen in a client)
//   - B06: a regeneration that does not ask for retention ends the old secret at once. (documented: Update Application Secret; seen in a client)
//   - B07: a regeneration with previous.expiresAt answers 200 with both secrets. (seen in a client)
//   - B08: previous.expiresAt lies more than one minute and at most 30 days ahead of PingOne's clock, else 400 INVALID_DATA. (seen in a client for the range; assumed for the reply, and that one minute exactly is too late on arrival)
//   - B09: there is one previous slot, and a regeneration evicts a live secret from it. (assumed)
//   - B10: a caller cannot choose the value: a body with an unknown member gets 400, and nothing changes. (documented: Update Application Secret for the first part; assumed for the reply)
//   - B11: a regeneration that is not application/json gets 415 and nothing changes. (seen in a client)
//   - B12: deleting removes only the previous secret, with 204, and gets 404 if there is none. (seen in a client for 204; assumed for 404)
//   - B13: a regenerated secret has 64 characters of a-z A-Z 0-9 - . _ ~. (seen in a client for the characters, of resource secrets; reported for the length)
//
// Access:
//
//   - B14: a role gives its permissions at its scope only: the organization, an environment, or one application. (documented: Roles)
//   - B15: no built-in role but Environment Admin and Client Application Developer can regenerate a secret. (documented in PingOne Admin: Roles for these two; assumed for Application Owner and Organization Admin)
//   - B16: an application cannot read, regenerate or delete its own secret. (documented: Application Role Assignments; seen in a client for reading; assumed for the rest)
//   - B17: no one reaches the secret of an application with a role that they neither hold nor can assign at its scope or above. (documented: Application Secret; seen in a client for the reply)
//   - B18: a token conveys the roles that its application had when it was issued and still has. (assumed; switch TokensOutlive)
//   - B19: a bearer token is refused with 401 if it is missing, unknown, expired, meant for a custom resource, or of a disabled application. (documented: Error codes for the reply; assumed for the disabled application; switch TokensOutlive)
//   - B20: an access token outlives the secret that obtained it. (documented: Token Revocation)
//   - B21: an application may manage others in an environment other than its own. (documented: Configure a Non-Interactive Worker Application)
//   - B22: calls above the rate limit get 429 REQUEST_LIMITED with Retry-After, in seconds or as an HTTP date. (documented: Retry best practices; seen in a client for both forms)
//   - B23: an error is {id, code, message, details}, and no two have the same id. (seen in a client; documented: Error codes)
//   - B85: a verb that a path does not have is refused by the gateway, with 403 and an error in another form, without a code. (reported)
//   - B24: reading an application shows whether it is enabled, how it authenticates, and its client id only if that was imported, as in replies of 2022; those of 2026 have it always, and more settings. (documented: Create Application, in both editions; switch FullReplies)
//   - B77: a read may show, for a while, the state before the last write, and so answer 404 for what was just created, as may a write below it. (seen in a client, which retries; assumed that each kind of thing lags)
//   - B25: the caller's transaction id is accepted, with characters outside the allowed set replaced by an underscore. (seen in a client)
//
// Tokens:
//
//   - B26: credentials come in the Basic header or in the body, never in both. (documented: Non-interactive applications)
//   - B27: a wrong secret, an unknown client and another environment's client get the same 401 invalid_client. (seen in a client)
//   - B28: a method other than the application's is refused as an unsupported authentication method, whatever the secret. (seen in a client; reported)
//   - B29: a disabled application is refused as if its credentials were wrong, while its secret can be read and regenerated. (assumed)
//   - B30: the client is authenticated first, then come its grants, its scopes and its roles: 400 proves the credentials. (reported)
//   - B31: both halves of a Basic credential are form-encoded. (RFC 6749 section 2.3.1; assumed of PingOne)
//   - B32: a token for the PingOne API lives one hour, names the API in aud, and carries env and org but no scope. (documented: Access token claims)
//   - B33: a token for a custom resource names that resource in aud, and carries its scopes and attributes, and env, org and p1.rid, the resource's id. (documented: Access token claims; recorded, in three tokens, for env, org and p1.rid; switch NoEnvironmentClaim)
//   - B34: below a custom domain the paths have no environment id. (documented in PingOne Admin: Custom domains)
//   - B35: a regenerated secret may be refused for a while, and the previous one is not; a secret that has ended may be accepted for a while; and each host does so in its own time. (assumed; no page states a propagation time)
//   - B79: an access token's header has no typ, and from March 2027 at+jwt. (documented: Release notes; switch TypedTokens)
//   - B36: a token's signature verifies with the key set that the issuer's discovery document names. (documented: OpenID Connect discovery)
//
// Applications and roles:
//
//   - B37: creating an application takes a name, a type, a protocol and, for OPENID_CONNECT, grant types and an authentication method; AUTHORIZATION_CODE needs the response type CODE and redirect URIs, IMPLICIT needs TOKEN or ID_TOKEN, PRIVATE_KEY_JWT needs keys; and a client id that the caller chooses is refused. (documented: Create Application, Configure an Interactive Worker Application; assumed for CODE and for the replies)
//   - B38: an application is disabled unless the request says otherwise, a worker is for administrators, members that this server does not know are kept, and no reply shows the secret. (documented: Create Application)
//   - B39: a name occurs once in an environment. (reported; assumed that case counts)
//   - B40: a worker created through the API inherits its creator's roles, unless assignActorRoles is false. (documented: Applications)
//   - B41: PUT replaces the configuration: what it omits is reset, what is read-only is ignored, and assignActorRoles too. (documented: Update Application; seen in a client; assumed that type and protocol cannot change)
//   - B42: DELETE answers 204 and ends the application's secrets, roles and tokens. (seen in a client for 204; assumed for the tokens; switch TokensOutlive)
//   - B43: a collection comes in pages of at most 100, linked by _links.next; a filter on applications is ignored. (documented: Paging; seen in a client for the filter; assumed for the size)
//   - B44: Environment Admin and Client Application Developer manage applications; Organization Admin manages roles, and creates populations and users. (documented in PingOne Admin: Roles; seen in a client, the vendor's sample, for populations and users; assumed for the rest)
//   - B45: built-in roles are listed for the organization and custom ones for their environment, and their ids are to be looked up. (documented: Roles; seen in a client)
//   - B46: a role assignment answers 201, shows readOnly as the caller sees it, and is removed with 204. (documented: Application Role Assignments)
//   - B78: an application that is not a worker has no role assignments: their path is 404, and no link leads there. (documented: replies of Create Application; reported for the 404; switch AllHaveRoles)
//   - B47: a role that is held at the same or a wider scope is not assigned again. (documented: Application Role Assignments)
//   - B48: a caller assigns and removes only roles that it holds or may assign, and no one can assign a custom role whose canBeAssignedBy is empty; the words of the refusals are those of the tests. (documented: Roles; reported for the custom role; seen in a client for the words; assumed for the status; switch RoleRefusedAsInvalid)
//   - B49: the role must exist, apply to that kind of scope, and the scope must exist. (assumed)
//
// What PingOne keeps for an application under separate paths:
//
//   - B80: an OpenID Connect application has a CORE attribute mapping of sub, which can be replaced and not removed; others come and go, under distinct names that are not PingOne's own, and those with oidcScopes need these granted. (seen in a client; documented: Application Attribute Mapping; assumed for the replies)
//   - B81: a mapping sets a claim of the ID token and of userinfo, unless it says otherwise for one of them. (documented: Application Attribute Mapping; assumed for what is evaluated)
//   - B82: a sign-on or flow policy is assigned with a priority, no two alike; the flow policy that goes first counts, else the sign-on policy that goes first, else the environment's default sign-on policy. (documented: Application Sign-On Policy Assignments, Application Flow Policy Assignments; assumed that the flow policy counts before the other, and that priorities differ) Both kinds of policy are listed, and an assignment can be replaced. (seen in a client)
//   - B83: userinfo answers the bearer of a user's token that has the scope openid. (OpenID Connect Core section 5.3; assumed of PingOne)
//   - B84: an environment, a population, a scope and an attribute can each be read alone, and a custom resource is deleted with the grants for it. (seen in a client; assumed for the grants)
//   - B86: a user, an empty population, a scope that is in no grant and a custom attribute are each removed with 204, and a user's tokens end with the user. (seen in a client for 204; assumed for what stands in the way, and for the tokens)
//
// Resources and grants:
//
//   - B50: every environment has the resources PingOne API and openid, which cannot be extended here and have no secret. (documented: Resources; seen in a client for the secret; assumed that they cannot be extended)
//   - B51: only custom resources are created; their audience is their name unless given and must not contain pingone or pingidentity; their tokens live 300 to 2592000 seconds, 3600 unless given; and they have applicationPermissionsSettings. (documented: Resources; seen in a client; assumed for the replies)
//   - B52: a custom resource has scopes, a CORE attribute sub that stays as it is, and attributes whose names are not those of PingOne's own claims, env and p1.* among them. (documented: Resource Scopes, Resource Attributes; assumed for the replies)
//   - B53: a custom resource's secret is read, regenerated and ended like an application's. (seen in a client)
//   - B54: an application has one grant for a resource, of at least one scope, and no scope name twice over all its grants. (documented: Application Resource Grants; assumed for the replies)
//   - B55: a worker with client credentials is not granted OpenID Connect scopes. (documented: Create Grant) A worker may be granted a custom resource. (assumed; one report says it may not; switch WorkersAreAlone)
//   - B56: without a scope, a token has all granted scopes of the one custom resource; with several, the request must name scopes, all of one resource and all granted; attributes become claims, a list written in JSON stays the text that it is, and an expression is left out where there is no user. (documented: Access token claims; assumed for the list and the expression; switch ArrayClaims)
//
// Assertions and introspection:
//
//   - B57: a client of CLIENT_SECRET_JWT signs an assertion by HS256, HS384 or HS512 with the bytes of its secret; its previous one verifies none. (documented: Client authentication methods; assumed for the bytes and the previous one, which another vendor's server did not accept; switch PreviousSigns)
//   - B58: a client of PRIVATE_KEY_JWT signs by RS256, RS384 or RS512 with a key of its jwks. (documented: Client authentication methods)
//   - B59: iss and sub are the client id, aud is the issuer or the token endpoint or the one called, exp is at most an hour ahead, nbf may delay it, and a jti works once. (documented: Client authentication methods; assumed for jti, and for the reply, which is that to a wrong secret)
//   - B60: an assertion of another type, beside other credentials or about another client is a broken request. (assumed)
//   - B61: introspection authenticates the application by its own method, shows its own tokens, and says of all others that they are not active. (documented: Token Introspection)
//   - B62: a custom resource may introspect the tokens for it by its id and secret, in its introspectEndpointAuthMethod. (documented: Token Introspection, Resources)
//
// Users and sign-on:
//
//   - B63: a user has an email, a population and a username that is unique in the environment, whatever its case; Identity Data Admin manages users, and Environment Admin does not. (documented: Create User, PingOne Admin: Roles; assumed that a population must be named)
//   - B64: PATCH changes the attributes that it names, removes those that are null, and ignores enabled, population and what is read-only. (documented: Update User; assumed for what is ignored)
//   - B65: an administrator sets a password by PUT or POST as application/vnd.pingidentity.password.set+json or application/json; forceChange makes the user change it at the next sign-on. (documented: Set Password, Configure an Application with an Authorization Code Grant; assumed for application/json)
//   - B66: an authorization request names an enabled application and one of its redirect URIs exactly, else the browser stays here; what else is wrong goes to the redirect URI with the state. A scope must be granted, openid too. (RFC 6749 section 4.1.2.1; assumed of PingOne)
//   - B67: a flow is for the browser with its ST cookie, which changes at sign-on; it lives 15 minutes and is resumed once. (documented: Flows, Simple SSO workflow for the cookie; assumed for the rest)
//   - B68: an unknown or disabled user and a wrong password get the same 400 INVALID_CREDENTIALS. (documented: Flows for the status values; assumed for the reply)
//   - B69: a code is redeemed once, within ten minutes, by its client with the same redirect URI, and the client is authenticated first; a failed attempt uses it up. (RFC 6749 section 4.1.3; assumed of PingOne)
//   - B70: pkceEnforcement decides whether a code challenge must be sent and hashed; one that was sent must be met. (documented: Create Application; RFC 7636)
//   - B71: a user's token reaches that user alone, and only as its p1 scopes say. (documented: PingOne self-management scopes)
//   - B72: a user's token is for a custom resource if a scope of that is asked for, and no request mixes its scopes with those of the PingOne API. (documented in PingOne Admin: Resource scopes)
//   - B73: a flow continues below the custom domain where it began. (documented in PingOne Admin: Custom domains)
//   - B74: populations and users are collections that a SCIM filter narrows: name eq "…" of populations, username eq "…" and population.id eq "…" of users; to read them takes Identity Data Admin. (seen in a client for populations; documented in PingOne Admin: SCIM filter language for users; assumed for the role)
//   - B75: a filter minds the case, though no two usernames differ by it alone; its value is a JSON string; and a filter that is not understood gets 400. (assumed)
//   - B76: the state of a user's password says NO_PASSWORD as long as there is none, and never the password. (documented: Read Password State)
package pingonetest
