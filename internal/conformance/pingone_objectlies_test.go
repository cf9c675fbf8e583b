package conformance_test

import (
	"encoding/base64"
	"slices"
	"strings"

	"pingrotate/pingone/pingonetest"
)

// objectLies are about applications, roles, resources and users.
var objectLies = map[string]func(w *pingOneWorld) lie{
	"B24": func(*pingOneWorld) lie {
		return replying("GET", "/applications/*", func(e *exchange) { e.answer["clientId"] = "another" })
	},
	"B37": func(*pingOneWorld) lie { return refused("POST", "/applications", 400, "INVALID_PARAMETER") },
	"B38": func(*pingOneWorld) lie {
		return replying("POST", "/applications", func(e *exchange) {
			if e.body["enabled"] == nil {
				e.answer["enabled"] = true
			}
		})
	},
	"B39": func(*pingOneWorld) lie { return refused("POST", "/applications", 400, "UNIQUENESS_VIOLATION") },
	"B41": func(*pingOneWorld) lie {
		return replying("PUT", "/applications/*", func(e *exchange) { e.answer["loginPageUrl"] = "https://example.com/login" })
	},
	"B43": func(*pingOneWorld) lie {
		return replying("GET", "/applications", func(e *exchange) {
			if e.query.Get("limit") == "1" {
				delete(e.answer["_links"].(object), "next")
			}
		})
	},
	"B80": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("DELETE", "/applications/*/attributes/*") && e.status/100 == 4 {
				e.become(204, nil)
			}
		}
	},
	"B82": func(*pingOneWorld) lie { return refused("POST", "/applications/*/signOnPolicyAssignments", 400, "") },
	"B84": func(*pingOneWorld) lie { return refused("GET", "/applications/*/grants/*", 404, "") },

	"B78": assuming(func(a *pingonetest.Assumptions) { a.AllHaveRoles = true }),
	"B40": func(*pingOneWorld) lie {
		return asking("POST", "/applications", func(e *exchange) { e.body["assignActorRoles"] = false })
	},
	"B44": func(*pingOneWorld) lie { return refused("POST", "/applications", 403, "") },
	"B45": func(*pingOneWorld) lie {
		return replying("GET", "/roles", func(e *exchange) { e.become(404, object{"code": "NOT_FOUND"}) })
	},
	"B46": func(*pingOneWorld) lie {
		return replying("POST", rolesPath, func(e *exchange) { e.answer["readOnly"] = true })
	},
	"B47": func(*pingOneWorld) lie { return refused("POST", rolesPath, 400, "UNIQUENESS_VIOLATION") },
	"B48": func(*pingOneWorld) lie { return refused("POST", rolesPath, 403, "") },
	"B49": func(*pingOneWorld) lie { return refused("POST", rolesPath, 400, "INVALID_VALUE") },

	"B56": assuming(func(a *pingonetest.Assumptions) { a.ArrayClaims = true }),
	"B50": func(*pingOneWorld) lie { return refused("GET", "/resources/*/secret", 404, "") },
	"B51": func(*pingOneWorld) lie { return refused("POST", "/resources", 400, "") },
	"B52": func(*pingOneWorld) lie { return refused("POST", "/resources/*/attributes", 400, "") },
	"B53": func(*pingOneWorld) lie { return refused("DELETE", "/resources/*/secret", 404, "") },
	"B54": func(*pingOneWorld) lie { return refused("POST", "/applications/*/grants", 400, "UNIQUENESS_VIOLATION") },
	"B55": assuming(func(a *pingonetest.Assumptions) { a.WorkersAreAlone = true }),

	"B57": assuming(func(a *pingonetest.Assumptions) { a.PreviousSigns = true }),
	"B58": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			header, _, _ := strings.Cut(e.form.Get("client_assertion"), ".")
			if text, _ := base64.RawURLEncoding.DecodeString(header); strings.Contains(string(text), "RS256") && e.status == 401 {
				e.become(200, object{"access_token": "***"})
			}
		}
	},
	"B59": func(*pingOneWorld) lie {
		seen := map[string]bool{}
		return func(e *exchange) {
			e.pass(e)
			assertion := e.form.Get("client_assertion")
			if assertion != "" && seen[assertion] && e.status == 401 {
				e.become(200, object{"access_token": "***"})
			}
			seen[assertion] = true
		}
	},
	"B60": func(*pingOneWorld) lie {
		return asking("POST", "token", func(e *exchange) {
			if e.form.Has("client_assertion") {
				e.form.Del("client_id")
				e.form.Del("client_secret")
			}
		})
	},
	"B61": func(w *pingOneWorld) lie {
		return replying("POST", "introspect", func(e *exchange) {
			if id, _ := e.basic(); w.exists(id) {
				e.answer["active"] = false
			}
		})
	},
	"B62": func(w *pingOneWorld) lie {
		return replying("POST", "introspect", func(e *exchange) {
			if id, _ := e.basic(); !w.exists(id) {
				e.answer["active"] = false
			}
		})
	},

	"B63": func(*pingOneWorld) lie { return refused("POST", "/users", 400, "UNIQUENESS_VIOLATION") },
	"B64": func(*pingOneWorld) lie {
		return replying("PATCH", "/users/*", func(e *exchange) {
			if title, named := e.body["title"]; named && title == nil {
				e.answer["title"] = "Tester"
			}
		})
	},
	"B65": func(*pingOneWorld) lie {
		return replying("GET", "/users/*/password", func(e *exchange) {
			if e.at("status") == "MUST_CHANGE_PASSWORD" {
				e.answer["status"] = "OK"
			}
		})
	},
	"B66": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("POST", "authorize") && e.form.Get("redirect_uri") == unregisteredURI {
				e.become(302, nil)
				e.replied.Set("Location", unregisteredURI+"?error=invalid_request")
			}
		}
	},
	"B67": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.is("GET", "resume") && e.status == 404 {
				e.become(302, nil)
				e.replied.Set("Location", "https://pingrotate.example.com/landing?code=again")
			}
		}
	},
	"B68": func(w *pingOneWorld) lie {
		var known []any
		return func(e *exchange) {
			e.pass(e)
			switch {
			case e.is("POST", "/users") && e.status == 201:
				known = append(known, e.body["username"])
			case e.at("details", "0", "code") == "INVALID_CREDENTIALS" && !slices.Contains(known, e.body["username"]):
				e.set("USER_NOT_FOUND", "details", "code")
			}
		}
	},
	"B69": func(*pingOneWorld) lie {
		redeemed := map[string]bool{}
		return func(e *exchange) {
			e.pass(e)
			code := e.form.Get("code")
			if code != "" && e.status == 400 && redeemed[code] {
				e.become(200, object{"access_token": "***"})
			}
			redeemed[code] = redeemed[code] || e.status == 200
		}
	},
	"B70": func(*pingOneWorld) lie {
		return func(e *exchange) {
			e.pass(e)
			if e.form.Has("code_verifier") && e.status == 400 {
				e.become(200, object{"access_token": "***"})
			}
		}
	},
	"B71": func(*pingOneWorld) lie { return refused("GET", "/users/*", 403, "") },
	"B72": func(*pingOneWorld) lie {
		return asking("POST", "authorize", func(e *exchange) {
			if scopes := strings.Fields(e.form.Get("scope")); len(scopes) == 2 && scopes[1] == "p1:read:user" {
				e.form.Set("scope", scopes[0])
			}
		})
	},
	"B74": func(*pingOneWorld) lie {
		return replying("GET", "/users", func(e *exchange) {
			if strings.HasPrefix(e.query.Get("filter"), "population.id") {
				e.set([]any{}, "_embedded", "users")
			}
		})
	},
	"B75": func(*pingOneWorld) lie { return refused("GET", "/users", 400, "") },
	"B76": func(*pingOneWorld) lie {
		return replying("GET", "/users/*/password", func(e *exchange) {
			if e.at("status") == "NO_PASSWORD" {
				e.answer["status"] = "OK"
			}
		})
	},
	"B81": func(*pingOneWorld) lie {
		return asking("POST", "/applications/*/attributes", func(e *exchange) { delete(e.body, "userInfo") })
	},
	"B83": func(*pingOneWorld) lie {
		return replying("GET", "userinfo", func(e *exchange) { e.answer["sub"] = "another" })
	},
	"B86": func(*pingOneWorld) lie {
		return replying("DELETE", "/resources/*/scopes/*", func(e *exchange) { e.become(200, object{}) })
	},
}
