package document

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pingrotate/pingone"
)

// Schema returns the JSON Schema (draft 2020-12) of a document, as JSON, for editors and
// pipelines that check documents before they are stored. It accepts what [Parse] accepts,
// except for the rules in its description that a schema cannot express; Parse has the last
// word.
func Schema() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	enc.Encode(documentSchema()) // maps, lists and strings always encode
	return b.Bytes()
}

// schema is a part of a JSON Schema.
type schema = map[string]any

// Patterns that mean the same as the decoder's. They use only what Go's and JavaScript's
// regular expressions have in common.
const (
	uuidPattern     = `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`
	namePattern     = `^\S([\s\S]*\S)?$`
	urlPattern      = `^[A-Za-z][A-Za-z0-9+.-]*:[^?#]`
	durationPattern = `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`
	secretPattern   = `^[^\x00-\x1f\x7f]*$`
	pointerName     = `/([^/~]|~[01])+`
)

// text is a string, or null if it is absent.
func text(description string) schema {
	return schema{"type": []string{"string", "null"}, "description": description}
}

func matching(pattern, description string) schema {
	s := text(description)
	s["pattern"] = pattern
	return s
}

func enumeration(values []string, description string) schema {
	all := []any{}
	for _, v := range values {
		all = append(all, v)
	}
	return schema{"enum": append(all, nil), "description": description}
}

func flag(description string) schema {
	return schema{"type": []string{"boolean", "null"}, "description": description}
}

// record is an object with only these members, or null.
func record(description string, members schema, required ...string) schema {
	s := schema{"type": []string{"object", "null"}, "description": description, "properties": members, "additionalProperties": false}
	if len(required) > 0 {
		s["allOf"] = []any{given(required...)}
	}
	return s
}

func listOf(items schema, description string) schema {
	return schema{"type": []string{"array", "null"}, "description": description, "items": items}
}

// solid is the schema without null, as an element of an array is never absent.
func solid(s schema) schema {
	s = maps.Clone(s)
	delete(s, "description")
	if types, ok := s["type"].([]string); ok {
		s["type"] = types[0]
	}
	if values, ok := s["enum"].([]any); ok {
		s["enum"] = values[:len(values)-1]
	}
	return s
}

// given requires that the members of an object are there and not null.
func given(names ...string) schema {
	properties := schema{}
	for _, name := range names {
		properties[name] = schema{"not": schema{"type": "null"}}
	}
	return schema{"if": schema{"type": "object"}, "then": schema{"required": names, "properties": properties}}
}

// has matches an object in which the member is there and matches the schema.
func has(name string, as schema) schema {
	return schema{"type": "object", "required": []string{name}, "properties": schema{name: as}}
}

func not(s schema) schema { return schema{"not": s} }

func all(of ...schema) schema { return schema{"allOf": of} }

func either(of ...schema) schema { return schema{"anyOf": of} }

func implies(condition, consequence schema) schema {
	return schema{"if": condition, "then": consequence}
}

var something = schema{"not": schema{"type": "null"}}

// contains matches an array that has one of the values.
func contains(values ...string) schema {
	return schema{"type": "array", "contains": schema{"enum": values}}
}

func documentSchema() schema {
	methods := func(of []pingone.AuthMethod) (names []string) {
		for _, m := range of {
			names = append(names, string(m))
		}
		return names
	}
	uuid := func(description string) schema { return matching(uuidPattern, description) }
	properties := schema{
		"environmentId":           uuid("the PingOne environment"),
		"region":                  matching(`^[A-Z]{2}$`, "the region of the PingOne organization: "+strings.Join(regions(), ", ")+", or one that the function's PINGONE_REGIONS adds"),
		"authDomain":              matching(hostname.String(), "a custom domain; it must be among the function's AuthDomains"),
		"clientId":                matching(clientID.String(), "the client id; written by the rotation that creates the application"),
		"clientSecret":            matching(secretPattern, "the secret; written by each rotation"),
		"tokenEndpointAuthMethod": enumeration(methods(pingone.AdminAuthMethods()), "how the client authenticates; written by each rotation"),
		"tokenEndpoint":           text("for consumers; written by each rotation, and never followed"),
		"privateKey":              text("in an admin's document with PRIVATE_KEY_JWT: the RSA key in PEM, in place of clientSecret"),
		"keyId":                   text("the kid of privateKey"),
		"allow":                   listOf(allowanceSchema(), "in an admin's document: the targets that it serves"),
		"rotation": record("for the function", schema{
			"adminSecretId":  text("name or ARN of the admin's secret; by default the function's default admin"),
			"kind":           enumeration([]string{KindApplication, KindResource}, "what the secret belongs to; an application if absent"),
			"strategy":       enumeration([]string{Single, Alternating}, "one application, or two that take turns; one if absent"),
			"twin":           uuid("with alternating, the application that is not in use; written"),
			"grace":          matching(durationPattern, "how long a replaced secret works, from 2m to 695h"),
			"revokeWhenIdle": flag("let an audit end a replaced secret before its grace is over, once it is no longer used"),
			"applicationId":  uuid("the application's id, if it differs from clientId"),
			"names":          namesSchema(),
			"verify": record("what a token must have before its secret is promoted", schema{
				"userSecretId": text("name or ARN of a secret with a test user, who signs on with each new secret"),
				"scope":        text("to ask for and to find in the token"),
				"audience":     text("to find in the token"),
				"claims":       schema{"type": []string{"object", "null"}, "description": "to find in the token"},
			}),
			"application": specSchema(),
		}),
	}
	properties["authDomain"].(schema)["maxLength"] = 253
	properties["clientId"].(schema)["maxLength"] = maxClientID
	return schema{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "A PingOne credential in AWS Secrets Manager",
		"description": "The stored document of pingrotate. Members that are not listed are kept as they are; null is the same as an absent member. " +
			"This schema cannot express that no member occurs twice, that the document has at most 63488 bytes, that rotation.grace is from 2m to 695h, " +
			"that names in rotation.names do not lead through one another and are in the document, and everything that makes a text a URL.",
		"type":          "object",
		"properties":    properties,
		"propertyNames": either(schema{"const": "allow"}, not(schema{"pattern": nearlyAllow()})),
		"allOf":         documentRules(),
	}
}

// regions returns the codes of PingOne's regions.
func regions() (codes []string) {
	for _, code := range []string{"NA", "CA", "EU", "AU", "SG", "AP"} {
		if _, err := pingone.ParseRegion(code); err == nil {
			codes = append(codes, code)
		}
	}
	return codes
}

// documentRules returns the rules of [Document.complete].
func documentRules() []schema {
	rotation := func(as schema) schema { return has("rotation", as) }
	renamed := func(member string) schema {
		return rotation(has("names", has(member, schema{"type": "string", "not": schema{"const": member}})))
	}
	var rules []schema
	for _, member := range consumers {
		rules = append(rules, implies(renamed(member), schema{"properties": schema{member: false}}))
	}
	for _, member := range []string{"environmentId", "region"} {
		rules = append(rules, schema{"if": renamed(member), "then": true, "else": given(member)})
	}
	client, isUUID := has("clientId", something), has("clientId", schema{"type": "string", "pattern": uuidPattern})
	resource := rotation(has("kind", schema{"const": KindResource}))
	absent := func(member string, unless ...any) schema {
		return schema{"properties": schema{member: schema{"enum": append(unless, nil)}}}
	}
	alternating := has("strategy", schema{"const": Alternating})
	return append(rules,
		schema{
			"if": resource,
			"then": all(
				schema{"if": renamed("clientId"), "then": true, "else": isUUID},
				schema{"properties": schema{"rotation": all(
					not(alternating), absent("applicationId"), absent("application"),
					schema{"properties": schema{"verify": all(
						absent("userSecretId", ""), absent("scope", ""), absent("audience", ""), absent("claims", schema{}),
					)}},
				)}},
			),
			"else": schema{"if": renamed("clientId"), "then": true, "else": all(
				either(client, rotation(has("application", something))),
				implies(all(not(client), not(renamed("clientSecret"))), schema{"properties": schema{"clientSecret": schema{"enum": []any{"", nil}}}}),
				implies(client, either(isUUID, rotation(has("applicationId", something)))),
			)},
		},
		not(rotation(all(alternating, has("applicationId", something)))),
	)
}

// nearlyAllow returns a pattern of what [nearMiss] finds, and of allow itself.
func nearlyAllow() string {
	const meant = "allow"
	words := []string{meant}
	for i := range meant {
		words = append(words, meant[:i]+meant[i+1:])
		if i > 0 {
			words = append(words, meant[:i-1]+meant[i:i+1]+meant[i-1:i]+meant[i+1:])
		}
	}
	for i := range len(meant) + 1 {
		words = append(words, meant[:i]+"?"+meant[i:])
	}
	slices.Sort(words)
	var patterns []string
	for _, word := range slices.Compact(words) {
		p := "[^A-Za-z]*"
		for _, c := range word {
			letter := "[A-Za-z]"
			if c != '?' {
				letter = "[" + strings.ToUpper(string(c)) + string(c) + "]"
			}
			p += letter + "[^A-Za-z]*"
		}
		patterns = append(patterns, p)
	}
	return "^(" + strings.Join(patterns, "|") + ")$"
}

// namesSchema returns the schema of rotation.names.
func namesSchema() schema {
	members := schema{}
	for _, member := range consumers {
		others := slices.DeleteFunc(slices.Clone(reserved), func(name string) bool { return name == member })
		members[member] = schema{
			"type":        []string{"string", "null"},
			"description": "where the document holds " + member + ": a name at the top level, or a JSON Pointer",
			"pattern":     `^([^/][\s\S]*|` + pointerName + "(" + pointerName + "){0,7})$",
			"not":         schema{"type": "string", "pattern": "^((" + strings.Join(others, "|") + ")$|/(" + strings.Join(others, "|") + ")(/|$)|/" + member + "/)"},
		}
	}
	return record("other names for the members that consumers read", members)
}

func allowanceSchema() schema {
	one := either(schema{"enum": []string{"marked", "*"}}, schema{"type": "string", "pattern": uuidPattern})
	role := record("", schema{"role": nameSchema("of the role"), "scope": matching(uuidPattern, "the id of its scope")}, "role", "scope")
	secret := text("name or ARN of the managed secret; * is any part within a segment, ** across segments")
	secret["minLength"], secret["maxLength"] = 1, longest
	return solid(record("", schema{
		"secret":        secret,
		"environmentId": matching(uuidPattern, "the environment of the target"),
		"applications": schema{
			"description": `ids of applications or custom resources, "marked", or "*"`,
			"anyOf":       []schema{{"type": "null"}, one, {"type": "array", "items": one}},
		},
		"testUsers": listOf(solid(text("")), "secrets of test users that may sign on, as rotation.verify.userSecretId names them"),
		"configure": record("what rotation.application may create or change", schema{
			"create":       flag("the application"),
			"members":      listOf(solid(enumeration(changeable, "")), "members of an application that was not created for the secret"),
			"roles":        listOf(solid(role), "to assign, or to remove"),
			"grants":       listOf(solid(nameSchema("")), "resources, by name, whose scopes may be granted"),
			"redirectUris": listOf(solid(urlSchema("")), "values of members that are URLs"),
			"resources":    listOf(solid(nameSchema("")), "custom resources, by name"),
		}),
	}, "secret", "environmentId"))
}

func nameSchema(description string) schema {
	s := matching(namePattern, description)
	s["maxLength"] = 256
	return s
}

func urlSchema(description string) schema { return matching(urlPattern, description) }

// specSchema returns the schema of rotation.application.
func specSchema() schema {
	seconds := func(description string) schema {
		return schema{"type": []string{"integer", "null"}, "minimum": 60, "maximum": 2147483647, "description": description}
	}
	many := func(set, description string) schema { return listOf(schema{"enum": values[set]}, description) }
	var methods []string
	for _, m := range pingone.AuthMethods() {
		methods = append(methods, string(m))
	}
	names := func(description string) schema {
		s := listOf(solid(nameSchema("")), description)
		s["minItems"] = 1
		return s
	}
	role := record("", schema{
		"role": nameSchema("of the role"),
		"scope": record("where the role is held", schema{
			"type": enumeration(values["scopeType"], "the kind of scope"), "id": matching(uuidPattern, "of the scope"),
		}, "type", "id"),
	}, "role", "scope")
	grant := record("", schema{"resource": nameSchema("of the resource"), "scopes": names("by name")}, "resource", "scopes")
	foreign := func(s schema) schema {
		s["not"] = schema{"type": "string", "pattern": "[Pp][Ii][Nn][Gg]([Oo][Nn][Ee]|[Ii][Dd][Ee][Nn][Tt][Ii][Tt][Yy])"}
		return s
	}
	s := record("the application to create, and to keep as specified", schema{
		"preset":                      enumeration(Presets(), "the kind of client, which the other members refine"),
		"name":                        nameSchema("of the application"),
		"description":                 text("of the application"),
		"exact":                       flag("remove roles and grants that are not listed"),
		"roles":                       listOf(solid(role), "roles, by name"),
		"grants":                      listOf(solid(grant), "access to the scopes of resources"),
		"type":                        enumeration(values["type"], "by default the preset's"),
		"grantTypes":                  many("grantTypes", "as in PingOne"),
		"responseTypes":               many("responseTypes", "as in PingOne"),
		"tokenEndpointAuthMethod":     enumeration(methods, "how the client authenticates"),
		"redirectUris":                listOf(solid(urlSchema("")), "where users are sent back to"),
		"postLogoutRedirectUris":      listOf(solid(urlSchema("")), "where users are sent after they sign off"),
		"homePageUrl":                 urlSchema("as in PingOne"),
		"loginPageUrl":                urlSchema("as in PingOne"),
		"pkceEnforcement":             enumeration(values["pkceEnforcement"], "as in PingOne"),
		"refreshTokenDuration":        seconds("in seconds"),
		"refreshTokenRollingDuration": seconds("in seconds"),
		"resource": record("a custom resource, created if it is missing", schema{
			"name":        foreign(nameSchema("of the resource")),
			"description": text("of the resource"),
			"audience":    foreign(text("in tokens; the name if absent")),
			"attributes":  schema{"type": []string{"object", "null"}, "description": "claims of its tokens"},
			"scopes":      names("by name"),
		}, "name", "scopes"),
	}, "preset", "name")
	for _, name := range Presets() {
		s["allOf"] = append(s["allOf"].([]any), implies(has("preset", schema{"const": name}), presetRules(name)))
	}
	return s
}

// presetRules returns the rules of [Spec.complete] for a preset.
func presetRules(name string) schema {
	preset := presets[name]
	// The document's list counts, or else the preset's.
	lists := func(member string, one string) schema {
		found := has(member, contains(one))
		if slices.Contains(Texts(preset[member]), one) {
			return either(found, not(has(member, something)))
		}
		return found
	}
	only := func(member string, as schema) schema {
		return schema{"properties": schema{member: either(schema{"type": "null"}, as)}}
	}
	rules := []schema{
		only("type", schema{"const": preset["type"]}),
		only("grantTypes", contains(Texts(preset["grantTypes"])...)),
		implies(lists("grantTypes", "IMPLICIT"), either(lists("responseTypes", "TOKEN"), lists("responseTypes", "ID_TOKEN"))),
		implies(lists("grantTypes", "AUTHORIZATION_CODE"), lists("responseTypes", "CODE")),
		implies(either(lists("grantTypes", "AUTHORIZATION_CODE"), lists("grantTypes", "IMPLICIT")), has("redirectUris", schema{"type": "array", "minItems": 1})),
	}
	switch name {
	case "non-interactive-worker":
		rules = append(rules, only("grantTypes", schema{"minItems": 1, "maxItems": 1}))
	case "advanced-services-client":
		rules = append(rules, only("responseTypes", schema{"maxItems": 0}),
			either(has("resource", something), has("grants", schema{"type": "array", "minItems": 1})))
	}
	return all(rules...)
}
