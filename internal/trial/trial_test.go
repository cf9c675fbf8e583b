package trial

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestTheTrialsAdminServesTheTrialsSecretAlone(t *testing.T) {
	text, err := serving(`{"clientId":"c","clientSecret":"s","allow":[{"secret":"**","applications":"*"}],"rotation":{"grace":"24h"},"other":1.50}`, `{"secret":"one"}`)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	allow, _ := got["allow"].([]any)
	if len(allow) != 1 || allow[0].(map[string]any)["secret"] != "one" || got["rotation"] != nil || got["clientSecret"] != "s" || !strings.Contains(text, "1.50") {
		t.Errorf("got %s, want the credential with one entry", text)
	}
	if _, err := serving(`[]`, `{}`); err == nil || strings.Contains(err.Error(), "[]") {
		t.Errorf("a document that is no object: got error %v", err)
	}
}

func TestAPageIsGoodOnlyIfAllWentWell(t *testing.T) {
	good := Page{Stages: []Stage{{What: "a", Good: true}, {What: "b", Good: true}}}
	if !good.Good() || !strings.Contains(good.Markdown(), "Everything went as promised") {
		t.Errorf("got a bad page: %s", good.Markdown())
	}
	for name, spoil := range map[string]func(*Page){
		"a stage":   func(p *Page) { p.Stages[1].Good = false },
		"a request": func(p *Page) { p.Failures = []string{"refused"} },
		"leftovers": func(p *Page) { p.Left = []string{"a secret"} },
		"no stage":  func(p *Page) { p.Stages = nil },
	} {
		p := good
		p.Stages = append([]Stage{}, good.Stages...)
		spoil(&p)
		if p.Good() || !strings.Contains(p.Markdown(), "Not everything") {
			t.Errorf("%s went wrong, and the page says that all is well", name)
		}
	}
}

// TestTheReplyToAMintIsNeverDelivered passes on all other replies, and ends the process
// that asks for a secret once the service has made it.
func TestTheReplyToAMintIsNeverDelivered(t *testing.T) {
	var seen []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+string(body))
		w.Header().Set("X-Of-The-Service", "1")
		io.WriteString(w, "made")
	}))
	defer service.Close()
	var killed atomic.Int32
	p := &passage{api: service.URL, kill: func() { killed.Add(1) }}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	defer p.close()
	ask := func(method, path string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, p.url()+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text) + resp.Header.Get("X-Of-The-Service"), err
	}
	if text, err := ask("GET", "/v1/applications/a/secret?x=1"); err != nil || text != "made1" || killed.Load() != 0 {
		t.Errorf("a read: got %q, error %v, %d kills", text, err, killed.Load())
	}
	if _, err := ask("POST", "/v1/applications/a/secret"); err == nil || killed.Load() != 1 || !p.killed.Load() {
		t.Errorf("a mint: got error %v and %d kills, want an error and one", err, killed.Load())
	}
	if len(seen) < 2 || seen[0] != "GET /v1/applications/a/secret?x=1 Bearer x body" || !strings.HasPrefix(seen[1], "POST /v1/applications/a/secret Bearer x") {
		t.Errorf("the service saw %q", seen)
	}
}

// A table cell of ninety words is not read, and two formats of time are taken for two kinds of it.
func TestPageListsWhatIsOpenBelowItsTable(t *testing.T) {
	p := Page{Begun: time.Date(2026, 11, 27, 10, 22, 0, 0, time.UTC), Stages: []Stage{
		{What: "rotate", Found: "PingOne kept it until " + at(time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)), Good: true},
		{What: "end a leak", Found: "ended", Open: []string{"a token lives until 2026-11-27T11:25:32Z", "consumers read again"}, Good: true},
	}}
	text := p.Markdown()
	if want := "\nOpen after stage 2, end a leak:\n\n- a token lives until 2026-11-27T11:25:32Z\n- consumers read again\n"; !strings.Contains(text, want) {
		t.Errorf("got %s, want %q in it", text, want)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") && strings.Contains(line, "token lives") {
			t.Errorf("in the table: %s", line)
		}
	}
	if strings.Contains(text, "November") || !strings.Contains(text, "2026-11-27T10:22:00Z") || !strings.Contains(text, "2026-11-29T10:00:00Z") {
		t.Errorf("got %s, want one format of time", text)
	}
}
