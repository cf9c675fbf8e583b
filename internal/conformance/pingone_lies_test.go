package conformance_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/conformance"
	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"

	"github.com/golang-jwt/jwt/v5"
)

// exists reports whether PingOne has an application, and enabled whether it is.
func (w *pingOneWorld) exists(id string) bool {
	return strings.Contains(w.Dump(), " application "+id+" ")
}

func (w *pingOneWorld) enabled(id string) bool {
	for line := range strings.SplitSeq(w.Dump(), "\n") {
		if strings.Contains(line, " application "+id+" ") {
			return strings.HasSuffix(line, " enabled")
		}
	}
	return false
}

func truth(e *exchange) { e.pass(e) }

const (
	secretPath      = "/applications/*/secret"
	rolesPath       = "/applications/*/roleAssignments"
	unregisteredURI = "https://elsewhere.example.com/"
)

// pingOneLies are what PingOne would do if one belief were false, and as little else as
// possible. Each returns the lie for a world.
func pingOneLies() map[string]func(w *pingOneWorld) lie {
	all := maps.Clone(secretLies)
	maps.Copy(all, objectLies)
	return all
}

// secretLies are about secrets, and the tokens that they obtain.
var secretLies = map[string]func(w *pingOneWorld) lie{
	"B02": func(*pingOneWorld) lie {
		return replying("GET", secretPath, func(e *exchange) { e.set("***", "previous", "secret") })
	},
	"B03": func(w *pingOneWorld) lie {
		last := map[string]any{}
		return func(e *exchange) {
			e.pass(e)
			switch {
			case e.is("POST", secretPath) && e.answer["previous"] != nil:
				last[e.path] = e.answer["previous"]
			case e.is("GET", secretPath) && e.status == 200 && e.answer["previous"] == nil && last[e.path] != nil:
				e.answer["previous"] = last[e.path] // it has expired, or was deleted
			}
		}
	},
	"B04": func(*pingOneWorld) lie {
		return replying("GET", secretPath, func(e *exchange) {
			if p, ok := e.answer["previous"].(object); ok {
				delete(p, "lastUsed")
			}
		})
	},
	"B05": func(*pingOneWorld) lie {
		n := 0
		return func(e *exchange) {
			e.pass(e)
			if e.is("GET", secretPath) && e.status == 404 {
				n++
				e.set(strings.Repeat("Not this one. ", n), "message")
			}
		}
	},
	"B06": func(*pingOneWorld) lie {
		return replying("POST", secretPath, func(e *exchange) {
			if e.body["previous"] == nil {
				e.answer["previous"] = object{"secret": "***"}
			}
		})
	},
	"B07": func(*pingOneWorld) lie {
		return replying("POST", secretPath, func(e *exchange) {
			if p, ok := e.answer["previous"].(object); ok {
				delete(p, "expiresAt")
			}
		})
	},
	"B08": func(w *pingOneWorld) lie {
		return asking("POST", secretPath, func(e *exchange) {
			if p, ok := e.body["previous"].(object); ok {
				if until, err := time.Parse(time.RFC3339, p["expiresAt"].(string)); err == nil && until.Sub(w.Now()) > 720*time.Hour {
					p["expiresAt"] = w.Now().Add(719 * time.Hour).Format(time.RFC3339)
				}
			}
		})
	},
	"B09": func(*pingOneWorld) lie {
		first := map[string]any{}
		return replying("POST", secretPath, func(e *exchange) {
			p, ok := e.answer["previous"].(object)
			if ok && first[e.path] != nil {
				p["secret"] = first[e.path]
			} else if ok {
				first[e.path] = p["secret"]
			}
		})
	},
	"B10": func(*pingOneWorld) lie {
		return asking("POST", secretPath, func(e *exchange) { delete(e.body, "secret") })
	},
	"B11": func(*pingOneWorld) lie {
		return asking("POST", secretPath, func(e *exchange) { e.header.Set("Content-Type", "application/json") })
	},
	"B12": func(*pingOneWorld) lie { return refused("DELETE", secretPath, 404, "") },
	"B13": func(*pingOneWorld) lie {
		return replying("POST", secretPath, func(e *exchange) {
			if e.body["previous"] == nil {
				e.set(e.at("secret")[:40], "secret")
			}
		})
	},
	"B14": func(*pingOneWorld) lie { return refused("GET", "/applications/*", 403, "") },
	"B15": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("POST", secretPath) && e.status == 403 && e.answer["details"] == nil {
				e.become(200, object{"secret": "***"})
			}
		}
	},
	"B16": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if caller, _ := e.bearer(); caller != "" && strings.Contains(e.path, caller) && e.status == 403 {
				e.become(200, object{"secret": "***"})
			}
		}
	},
	"B17": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			caller, _ := e.bearer()
			if e.is(e.method, secretPath) && e.status == 403 && e.answer["details"] != nil && !strings.Contains(e.path, caller) {
				e.become(200, object{"secret": "***"})
			}
		}
	},
	"B18": func(*pingOneWorld) lie { return onceGood("/populations", func(string) bool { return true }) },
	"B19": func(w *pingOneWorld) lie { return onceGood("/applications", w.exists) },
	"B42": func(w *pingOneWorld) lie {
		return onceGood("/applications", func(client string) bool { return !w.exists(client) })
	},
	"B20": func(*pingOneWorld) lie {
		ended := map[string]bool{}
		return func(e *exchange) {
			e.pass(e)
			if e.is("POST", secretPath) && e.status == 200 && e.body["previous"] == nil {
				ended[strings.Split(e.path, "/")[2]] = true
			}
			if caller, _ := e.bearer(); ended[caller] {
				e.become(401, object{"code": "ACCESS_FAILED"})
			}
		}
	},
	"B21": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("GET", "/resources") && e.query.Get("limit") == "1" {
				e.become(403, object{"code": "ACCESS_FAILED"})
			}
		}
	},
	"B23": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("GET", "/applications/*") && e.status == 404 {
				e.set("the same", "id")
			}
		}
	},
	"B77": func(w *pingOneWorld) lie {
		w.Lag(fault.Lagging(map[string]fault.Lag{pingonetest.OpReadSecret: {Age: time.Minute}}))
		return truth
	},
	"B25": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if strings.ContainsAny(e.header.Get("X-Ping-External-Transaction-Id"), ` ";`) {
				e.become(400, object{"code": "INVALID_REQUEST"})
			}
		}
	},
	"B26": func(*pingOneWorld) lie {
		return asking("POST", "token", func(e *exchange) {
			if id, _ := e.basic(); id != "" {
				e.form.Del("client_id")
				e.form.Del("client_secret")
			}
		})
	},
	"B27": func(w *pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if id, _ := e.basic(); e.is("POST", "token") && e.status == 401 && id != "" && !w.exists(id) {
				e.set("Request denied: Unknown client", "error_description")
			}
		}
	},
	"B28": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if strings.Contains(e.at("error_description"), "Unsupported authentication method") {
				e.set("Request denied: Invalid client credentials", "error_description")
			}
		}
	},
	"B29": func(w *pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if id, _ := e.basic(); e.is("POST", "token") && e.status == 401 && w.exists(id) && !w.enabled(id) {
				e.set("unauthorized_client", "error")
			}
		}
	},
	"B30": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("POST", "token") && e.status == 401 && e.form.Get("scope") == "no-such-scope" {
				e.become(400, object{"error": "invalid_scope"})
			}
		}
	},
	"B31": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if _, secret := e.basic(); strings.Contains(secret, "%") {
				e.become(401, object{"error": "invalid_client"})
			}
		}
	},
	"B32": func(*pingOneWorld) lie {
		return replying("POST", "token", func(e *exchange) {
			if tokenClaim(e.at("access_token"), "p1.rid") == "" {
				e.set(1800, "expires_in")
			}
		})
	},
	"B33": assuming(func(a *pingonetest.Assumptions) { a.NoEnvironmentClaim = true }),
	"B35": func(w *pingOneWorld) lie {
		w.Nodes(pingonetest.Node{Learns: time.Minute})
		return truth
	},
	"B36": func(*pingOneWorld) lie {
		_, keys := signer()
		return replying("GET", "jwks", func(e *exchange) { e.answer["keys"] = keys })
	},
	"B79": func(*pingOneWorld) lie {
		key, keys := signer()
		original := map[string]string{}
		return func(e *exchange) {
			if _, token := e.bearer(); original[token] != "" {
				e.header.Set("Authorization", "Bearer "+original[token])
			}
			if token := e.form.Get("token"); original[token] != "" {
				e.form.Set("token", original[token])
			}
			e.pass(e)
			if e.is("GET", "jwks") {
				e.answer["keys"] = keys
			}
			if token := e.at("access_token"); e.is("POST", "token") && token != "" {
				claims := jwt.MapClaims{}
				if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
					panic(err)
				}
				other := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
				other.Header["typ"], other.Header["kid"] = "something+else", "liar"
				signed, err := other.SignedString(key)
				if err != nil {
					panic(err)
				}
				original[signed] = token
				e.answer["access_token"] = signed
			}
		}
	},
	"B85": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("PUT", secretPath) && e.status == 403 {
				e.set("ACCESS_FAILED", "code")
			}
		}
	},
}

// assuming is a lie that the stand-in can tell by itself: the other answer to a question
// that no source decides.
func assuming(change func(*pingonetest.Assumptions)) func(*pingOneWorld) lie {
	return func(w *pingOneWorld) lie {
		var a pingonetest.Assumptions
		change(&a)
		w.Assume(a)
		return truth
	}
}

// onceGood lets a token that was good for a path stay good for it, if its client is of
// the kind.
func onceGood(path string, kind func(client string) bool) lie {
	good := map[string]bool{}
	return func(e *exchange) {
		e.pass(e)
		client, token := e.bearer()
		switch {
		case client == "" || !e.is("GET", path):
		case e.status == 200:
			good[token] = true
		case good[token] && kind(client):
			e.become(200, object{})
		}
	}
}

// signer makes a key, and the key set that contains it.
func signer() (*rsa.PrivateKey, []any) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	part := base64.RawURLEncoding.EncodeToString
	set := []any{}
	for _, kid := range []string{"liar", "pingonetest"} {
		set = append(set, object{"kty": "RSA", "kid": kid, "alg": "RS256", "n": part(key.N.Bytes()), "e": part(big.NewInt(int64(key.E)).Bytes())})
	}
	return key, set
}

// TestOneFalseBeliefAboutPingOneMakesItsProbeDiffer has the service lie about each
// belief in turn.
func TestOneFalseBeliefAboutPingOneMakesItsProbeDiffer(t *testing.T) {
	t.Parallel()
	for _, probe := range newPingOneWorld(t).suite.Probes() {
		t.Run(probe.Belief, func(t *testing.T) {
			t.Parallel()
			tell := pingOneLies()[probe.Belief]
			if tell == nil {
				t.Fatal("there is no lie about this belief")
			}
			w := newPingOneWorld(t)
			w.suite.HTTP.Transport = &liar{w.suite.HTTP.Transport, w.target, tell(w)}
			only := chosen(w.suite, probe.Belief)
			for _, r := range w.run(t, only...).Results {
				want := conformance.Holds
				switch {
				case r.Belief == probe.Belief:
					want = conformance.Differs
				case w.suite.Reasons()[r.Belief] != "":
					want = conformance.Skipped
				}
				if r.Verdict != want {
					t.Errorf("%s: %s: %s%s, want: %s", r.Belief, r.Verdict, r.Seen, r.Why, want)
				}
			}
		})
	}
}
