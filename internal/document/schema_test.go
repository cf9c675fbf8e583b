package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"pingrotate/internal/document"
)

func TestSchemaIsPublished(t *testing.T) {
	published, err := os.ReadFile("../../docs/document.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, document.Schema()) {
		t.Error("docs/document.schema.json is not what the program prints; pingrotate schema >docs/document.schema.json writes it")
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(document.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("document.schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("document.schema.json") // which checks it against its own schema
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// beyond is what no schema can express: how the decoder's problem begins, and a document
// that only the decoder refuses. Members under another name are all beyond it.
var beyond = []struct{ problem, document string }{
	{`must be a duration from "2m" to "695h"`, `{"environmentId":"ID","region":"EU","clientId":"ID","rotation":{"grace":"1m"}}`},
	{"is the name of another member, or a part of it", `{"environmentId":"ID","region":"EU","id":"ID","rotation":{"names":{"clientId":"id","clientSecret":"/id"}}}`},
	{"must be a URL with its scheme", `{"environmentId":"ID","region":"EU","rotation":{"application":{"preset":"authorization-code-web-app","name":"a","redirectUris":["http://["]}}}`},
	{"must have 1 to 256 characters, without space", `{"environmentId":"ID","region":"EU","rotation":{"application":{"preset":"non-interactive-worker","name":"LONG"}}}`},
	{"must have 1 to 1024 characters", `{"environmentId":"ID","region":"EU","clientId":"ID","allow":[{"secret":"LONGLONGLONG","environmentId":"ID"}]}`},
	{"must not contain pingone or pingidentity", `{"environmentId":"ID","region":"EU","rotation":{"application":{"preset":"advanced-services-client","name":"a","resource":{"name":"ping","audience":"one","scopes":["s"]}}}}`},

	{"needs the object ", `{"environmentId":"ID","region":"EU","rotation":{"names":{"clientId":"/a/b"}}}`},
	{"cannot be in ", `{"environmentId":"ID","region":"EU","a":1,"rotation":{"names":{"clientId":"/a/b"}}}`},
	{"is missing, but there is a clientSecret", `{"environmentId":"ID","region":"EU","s":"x","rotation":{"application":{"preset":"non-interactive-worker","name":"a"},"names":{"clientSecret":"s"}}}`},
	{"is missing; without it, rotation.application", `{"environmentId":"ID","region":"EU","rotation":{"names":{"clientId":"id"}}}`},
	{"is missing; it is needed because clientId is not", `{"environmentId":"ID","region":"EU","id":"x","rotation":{"names":{"clientId":"id"}}}`},
	{"must be the id of the custom resource", `{"environmentId":"ID","region":"EU","id":"x","rotation":{"kind":"resource","names":{"clientId":"id"}}}`},
	{"is missing; it must be one of ", `{"environmentId":"ID","clientId":"ID","rotation":{"names":{"region":"r"}}}`},
	{"is missing", `{"region":"EU","clientId":"ID","rotation":{"names":{"environmentId":"e"}}}`},
	{"must be a string", `{"environmentId":"ID","region":"EU","id":1,"rotation":{"names":{"clientId":"id"}}}`},
	{"must be one of ", `{"environmentId":"ID","r":"XXX","clientId":"ID","rotation":{"names":{"region":"r"}}}`},
	{"must be a UUID", `{"e":"x","region":"EU","clientId":"ID","rotation":{"names":{"environmentId":"e"}}}`},
	{"must have 1 to 256 visible ASCII", `{"environmentId":"ID","region":"EU","id":"","rotation":{"names":{"clientId":"id"}}}`},
	{"has a line break", `{"environmentId":"ID","region":"EU","clientId":"ID","s":"a\nb","rotation":{"names":{"clientSecret":"s"}}}`},
	{"must be a host name", `{"environmentId":"ID","region":"EU","clientId":"ID","d":"x","rotation":{"names":{"authDomain":"d"}}}`},
}

// firstOfNames is the index in beyond of the first problem that only another name excuses.
const firstOfNames = 6

// excuse returns the index in beyond of the decoder's error, or -1.
func excuse(text string, decoded error) int {
	f, ok := errors.AsType[*document.FieldError](decoded)
	if !ok {
		return -1
	}
	problem := strings.TrimPrefix(decoded.Error(), "read the document: field "+f.Field+": ")
	for i, known := range beyond {
		if strings.HasPrefix(problem, known.problem) && (i < firstOfNames || strings.Contains(text, `"names"`)) {
			return i
		}
	}
	return -1
}

func TestSchemaLeavesToTheDecoderWhatNoSchemaCanSay(t *testing.T) {
	schema := compiledSchema(t)
	for i, row := range beyond {
		text := strings.NewReplacer("ID", envID, "LONG", strings.Repeat("é", 200)).Replace(row.document)
		_, decoded := document.Parse(text)
		if decoded == nil || excuse(text, decoded) != i {
			t.Errorf("%s: the decoder says %v, want %q", row.document, decoded, row.problem)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: the schema does say it, so it is not beyond one: %v", row.document, err)
		}
	}
}

func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	schema := compiledSchema(t)
	random := rand.New(rand.NewPCG(1, 2))
	accepted, refused, problems := 0, 0, map[string]int{}
	for range 12_000 {
		made := clone(seeds[random.IntN(len(seeds))]).(map[string]any)
		for range random.IntN(4) {
			mutate(random, made)
		}
		text, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		_, decoded := document.Parse(string(text))
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		validated := schema.Validate(value)
		switch {
		case decoded == nil && validated == nil:
			accepted++
		case decoded == nil:
			t.Fatalf("the schema refuses what the decoder accepts: %s\n%v", text, validated)
		case validated != nil:
			refused++
		default:
			i := excuse(string(text), decoded)
			if i < 0 {
				t.Fatalf("the schema accepts what the decoder refuses: %s\n%v", text, decoded)
			}
			problems[beyond[i].problem]++
		}
	}
	t.Logf("%d accepted and %d refused by both; beyond a schema: %v", accepted, refused, problems)
	if accepted < 2000 || refused < 2000 {
		t.Errorf("%d accepted and %d refused by both: want thousands of each", accepted, refused)
	}
}

// seeds are documents of each kind.
var seeds = func() (all []any) {
	for _, text := range []string{
		`{"environmentId":"ID","region":"EU","clientId":"ID"}`,
		`{"environmentId":"ID","region":"NA","clientId":"OTHER","clientSecret":"s","tokenEndpointAuthMethod":"CLIENT_SECRET_POST","tokenEndpoint":"https://a","own":[1,{"a":null}],
			"rotation":{"adminSecretId":"a","grace":"24h","strategy":"alternating","twin":"ID","revokeWhenIdle":true,"verify":{"scope":"a","audience":"b","claims":{"groups":["a"]},"userSecretId":"u"}}}`,
		`{"environmentId":"ID","region":"NA","clientId":"imported one","rotation":{"applicationId":"ID"}}`,
		`{"environmentId":"ID","region":"NA","clientId":"ID","authDomain":"auth.example.com","rotation":{"kind":"resource","verify":{"scope":"","claims":{}}}}`,
		`{"environmentId":"ID","region":"AP","client_id":"ID","oauth":{"secret":"s"},"rotation":{"names":{"clientId":"client_id","clientSecret":"/oauth/secret"}}}`,
		`{"environmentId":"ID","region":"AP","clientId":"ID","keyId":"k","privateKey":"p","tokenEndpointAuthMethod":"PRIVATE_KEY_JWT","allow":[
			{"secret":"pingone/*","environmentId":"ID","applications":["ID","marked"],"testUsers":["u"],"configure":{"create":true,"members":["grantTypes"],"roles":[{"role":"r","scope":"ID"}],"grants":["g"],"redirectUris":["https://a"],"resources":["r"]}},
			{"secret":"b","environmentId":"ID","applications":"*"}]}`,
		`{"environmentId":"ID","region":"EU","rotation":{"application":{"preset":"non-interactive-worker","name":"orders","exact":true,"description":"d",
			"roles":[{"role":"r","scope":{"type":"ENVIRONMENT","id":"ID"}}],"grants":[{"resource":"PingOne API","scopes":["a"]}]}}}`,
		`{"environmentId":"ID","region":"EU","rotation":{"application":{"preset":"interactive-worker","name":"ops","redirectUris":["https://a/b"],"pkceEnforcement":"REQUIRED","refreshTokenDuration":60,"homePageUrl":"https://h"}}}`,
		`{"environmentId":"ID","region":"EU","rotation":{"application":{"preset":"authorization-code-web-app","name":"web","grantTypes":["AUTHORIZATION_CODE","IMPLICIT"],"responseTypes":["CODE","TOKEN"],"redirectUris":["https://a/b"]}}}`,
		`{"environmentId":"ID","region":"EU","rotation":{"application":{"preset":"advanced-services-client","name":"api","responseTypes":[],
			"resource":{"name":"api","audience":"https://a","attributes":{"groups":"x"},"scopes":["s"]}}}}`,
	} {
		var value any
		text = strings.NewReplacer("ID", envID, "OTHER", appID).Replace(text)
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			panic(fmt.Sprintf("%v: %s", err, text))
		}
		all = append(all, value)
	}
	return all
}()

// strange are values that some member accepts, and values that none does.
var strange = []any{
	nil, true, false, 0.0, 60.0, 59.0, 60.5, 1e10, "", " ", "a", "a b", " a", "a ", "a\nb", "é", envID, appID, strings.ToUpper(envID),
	"NA", "na", "XX", "auth.example.com", "Auth.example.com", "CLIENT_SECRET_BASIC", "CLIENT_SECRET_JWT", "PRIVATE_KEY_JWT", "NONE",
	"single", "alternating", "application", "resource", "24h", "1m", "0.5h", "+1h30m", "-3h", "696h", "1d", ".h", "12",
	"https://a.example/b?c#d", "custom:thing", "/path", "https://", "x:?q", "http://[", "https://a b", "marked", "*", "**",
	"non-interactive-worker", "interactive-worker", "authorization-code-web-app", "advanced-services-client",
	"WEB_APP", "WORKER", "S256_REQUIRED", "ENVIRONMENT", "ORGANIZATION", "my pingone api", "PingIdentity", "refreshTokenDuration",
	"/a", "/oauth/secret", "/rotation/x", "/clientId/x", "clientId", "clientSecret", "region", "/a//b", "/a/~2", "/~0/~1", "/1/2/3/4/5/6/7/8", "/1/2/3/4/5/6/7/8/9", "client_id",
	strings.Repeat("n", 256), strings.Repeat("n", 257), strings.Repeat("é", 200), strings.Repeat("p", 1025),
	[]any{}, []any{nil}, []any{"a"}, []any{envID}, []any{"marked"}, []any{"CODE"}, []any{"TOKEN"}, []any{"ID_TOKEN", "CODE"}, []any{"CLIENT_CREDENTIALS"},
	[]any{"AUTHORIZATION_CODE"}, []any{"IMPLICIT"}, []any{"CLIENT_CREDENTIALS", "AUTHORIZATION_CODE"}, []any{"CLIENT_CREDENTIALS", "CLIENT_CREDENTIALS"}, []any{"https://a"}, []any{"a", 1.0},
	map[string]any{}, map[string]any{"a": 1.0},
}

// someNames are names of members: some occur somewhere, some nowhere.
var someNames = []string{
	"environmentId", "region", "authDomain", "clientId", "clientSecret", "tokenEndpointAuthMethod", "tokenEndpoint", "privateKey", "keyId", "allow", "rotation",
	"adminSecretId", "kind", "strategy", "twin", "grace", "revokeWhenIdle", "applicationId", "names", "verify", "application",
	"userSecretId", "scope", "audience", "claims", "preset", "name", "description", "exact", "roles", "grants", "resource", "type", "grantTypes", "responseTypes",
	"redirectUris", "postLogoutRedirectUris", "homePageUrl", "loginPageUrl", "pkceEnforcement", "refreshTokenDuration", "refreshTokenRollingDuration", "scopes", "attributes",
	"secret", "environmentId", "applications", "configure", "create", "members", "resources", "role", "id",
	"own", "alow", "ALLOW", "al-low", "allows", "aallow", "lalow", "allaw", "Rotation", "client_id", "",
}

// mutate changes one place of the value.
func mutate(random *rand.Rand, value any) {
	switch value := value.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(value))
		switch n := random.IntN(10); {
		case n < 5 && len(keys) > 0: // deeper
			key := keys[random.IntN(len(keys))]
			if container(value[key]) {
				mutate(random, value[key])
				return
			}
			value[key] = clone(strange[random.IntN(len(strange))])
		case n < 6 && len(keys) > 0:
			delete(value, keys[random.IntN(len(keys))])
		case n < 7 && len(keys) > 0:
			value[keys[random.IntN(len(keys))]] = clone(strange[random.IntN(len(strange))])
		default:
			value[someNames[random.IntN(len(someNames))]] = clone(strange[random.IntN(len(strange))])
		}
	case []any:
		if len(value) > 0 {
			i := random.IntN(len(value))
			if container(value[i]) {
				mutate(random, value[i])
				return
			}
			value[i] = clone(strange[random.IntN(len(strange))])
		}
	}
}

func container(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		c := map[string]any{}
		for k, v := range value {
			c[k] = clone(v)
		}
		return c
	case []any:
		c := make([]any, len(value))
		for i, v := range value {
			c[i] = clone(v)
		}
		return c
	}
	return value
}
