package pingone_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

func TestAListHasWhatIsOnAllPages(t *testing.T) {
	w := newWorld(t)
	want := map[string]bool{w.admin.ID: true, w.app.ID: true}
	for range 203 {
		want[w.AddApplication(pingonetest.Application{Type: "WEB_APP"}).ID] = true
	}
	apps, err := w.client.Applications(t.Context(), w.app.Environment)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "applications", len(apps), 205)
	for _, app := range apps {
		delete(want, app.ID)
	}
	check(t, "missing applications", len(want), 0)
	check(t, "pages", w.Count(pingonetest.OpListApplications), 3)
}

// pages answers as a collection with a link of the server's choosing.
func pages(link string, items ...string) roundTripper {
	body := `{"_links":{"next":{"href":"` + link + `"}},"_embedded":{"applications":[` + strings.Join(items, ",") + `]}}`
	if link == "" {
		body = strings.Replace(body, `"next":{"href":""}`, "", 1)
	}
	return replies(200, nil, body)
}

func TestALinkIsFollowedWithinTheAPIOnly(t *testing.T) {
	for _, link := range []string{
		"https://stranger.invalid/v1/x?cursor=a", "http://pingone.invalid/v1/x?cursor=a", "https://pingone.invalid:444/v1/x?cursor=a",
		"//pingone.invalid/v1/x?cursor=a", "/v1/x?cursor=a", "?cursor=a", "https://pingone.invalid/v1/x", "https://pingone.invalid@stranger.invalid/?cursor=a",
		"https://pingone.invalid/%zz?cursor=a",
	} {
		first := pages(link, `{"id":"a"}`)
		lists := 0
		c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/token") {
				lists++
			}
			check(t, "host for the link "+link, r.URL.Host, "pingone.invalid")
			return first(r)
		}))
		if apps, err := c.Applications(t.Context(), someUUID); err == nil {
			t.Errorf("link %s: got %v, want an error", link, apps)
		}
		check(t, "calls for the link "+link, lists, 1)
	}
}

func TestOnlyTheQueryOfALinkIsTaken(t *testing.T) {
	var asked []string
	c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			return replies(200, nil, "")(r)
		}
		asked = append(asked, r.URL.RequestURI())
		if r.URL.RawQuery == "" {
			return pages("https://pingone.invalid/v1/environments/elsewhere?cursor=%7B%7D&limit=1", `{"id":"a"}`)(r)
		}
		return pages("", `{"id":"b"}`)(r)
	}))
	apps, err := c.Applications(t.Context(), someUUID)
	if err != nil || len(apps) != 2 {
		t.Fatalf("got %v, %v, want two applications", apps, err)
	}
	const path = "/v1/environments/" + someUUID + "/applications"
	check(t, "calls", strings.Join(asked, " "), path+" "+path+"?cursor=%7B%7D&limit=1")
}

func TestAListThatDoesNotEndIsAnError(t *testing.T) {
	const self = "https://pingone.invalid/v1/x?cursor=a"
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf(`{"id":"%d"}`, i)
	}
	for _, tt := range []struct {
		name  string
		items []string
		calls int
	}{{"empty pages", nil, 100}, {"full pages", many, 10}} {
		lists, page := 0, pages(self, tt.items...)
		c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/token") {
				lists++
			}
			return page(r)
		}))
		c.Tokens = new(pingone.TokenCache)
		_, err := c.Applications(t.Context(), someUUID)
		if err == nil || !strings.Contains(err.Error(), "more than 1000") {
			t.Errorf("%s: got %v, want an error that says so", tt.name, err)
		}
		check(t, "calls for "+tt.name, lists, tt.calls)
	}
}

func TestAListThatIsNoneIsNotBelieved(t *testing.T) {
	for _, body := range []string{
		`{}`, `[]`, `{"_embedded":{}}`, `{"_embedded":{"applications":null}}`, `{"_embedded":{"applications":[{}]}}`, `{"_embedded":{"applications":[{"id":1}]}}`,
		`{"_embedded":{"applications":{"id":"a"}}}`, `{"_embedded":{"applications":["` + plain + `"]}}`, `{"_links":{"next":"` + plain + `"},"_embedded":{"applications":[]}}`,
	} {
		c := against("https://pingone.invalid", replies(200, nil, body))
		apps, err := c.Applications(t.Context(), someUUID)
		if err == nil {
			t.Errorf("%s: got %v, want an error", body, apps)
			continue
		}
		noLeak(t, err.Error(), plain)
	}
}

// What a stranger or a broken proxy might send instead of the reply.
func TestAReplyWithoutItsMembersIsNotBelieved(t *testing.T) {
	for name, read := range map[string]func(*pingone.Client) error{
		"roles": func(c *pingone.Client) error { _, err := c.Roles(t.Context(), someUUID); return err },
		"assignments": func(c *pingone.Client) error {
			_, err := c.RoleAssignments(t.Context(), someUUID, someUUID)
			return err
		},
		"resources":  func(c *pingone.Client) error { _, err := c.Resources(t.Context(), someUUID); return err },
		"scopes":     func(c *pingone.Client) error { _, err := c.Scopes(t.Context(), someUUID, someUUID); return err },
		"attributes": func(c *pingone.Client) error { _, err := c.Attributes(t.Context(), someUUID, someUUID); return err },
		"grants":     func(c *pingone.Client) error { _, err := c.Grants(t.Context(), someUUID, someUUID); return err },
		"populations": func(c *pingone.Client) error {
			_, err := c.FindPopulation(t.Context(), someUUID, "a")
			return err
		},
		"users": func(c *pingone.Client) error { _, err := c.FindUser(t.Context(), someUUID, "a"); return err },
	} {
		collection := map[string]string{"assignments": "roleAssignments"}[name]
		if collection == "" {
			collection = name
		}
		for _, item := range []string{`{}`, `"a"`, `{"id":1}`, `{"id":"a"}`, `{"id":"a","role":{"id":"b"},"scope":{"id":"c"}}`} {
			c := against("https://pingone.invalid", replies(200, nil, `{"_embedded":{"`+collection+`":[`+item+`]}}`))
			if err := read(c); err == nil {
				t.Errorf("%s: got no error for %s, want one", name, item)
			}
		}
	}
}

func TestABodyThatIsNotJSONIsRefusedBeforeAnyCall(t *testing.T) {
	w := newWorld(t)
	if _, err := w.client.CreateApplication(t.Context(), w.app.Environment, map[string]any{"x": func() {}}); err == nil {
		t.Error("got no error, want one")
	}
	check(t, "calls", w.Count(""), 0)
}
