package rotation_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
)

var writeLeaks = flag.Bool("write-leaks", false, "write the table of docs/leak.md")

// A leakage is what leaked, and the state in which the leak was found.
type leakage struct {
	what, state string
	opts        []option
	before      func(*world)
	name        string // of the managed secret, if not orders
}

var leakages = []leakage{
	{what: "current", state: "at rest"},
	{what: "current, previous", state: "rotated a minute ago", before: func(w *world) { w.rotate(); w.advance(time.Minute) }},
	{what: "current, and one of a rotation", state: "a rotation is stuck", before: stuck},
	{what: "current", state: "regenerated at the console, in no version", before: func(w *world) { w.ping.Regenerate(w.app.Environment, w.app.ID, 0); w.advance(time.Minute) }},
	{what: "current, the twin's", state: "`alternating`", opts: []option{alternate}, before: flippedBack},
	{what: "a resource's", state: "at rest", before: func(w *world) { w.resource(); w.rotate(); w.advance(25 * time.Hour) }},
	{what: "current", state: "two managed secrets hold it", before: heldTwice},
	{what: "an admin's", state: "another admin rotates it", name: adminName, before: (*world).lead},
	{what: "current", state: "the application is disabled", before: func(w *world) {
		w.ping.UpdateApplication(w.app.Environment, w.app.ID, func(a *pingonetest.Application) { a.Disabled = true })
	}},
}

// lead makes another admin rotate the function's own, and adds it to the register.
func (w *world) lead() {
	root := w.ping.AddApplication(pingonetest.Application{Environment: w.app.Environment, Name: "root", Roles: []pingonetest.RoleAssignment{
		{Role: "Client Application Developer"}, {Role: "Identity Data Admin"},
	}})
	d := w.adminDocument()
	d["rotation"] = map[string]any{"adminSecretId": "pingone/root"}
	above := document(root)
	above["allow"] = []any{entryFor(adminName, d)}
	w.sm.Put("pingone/root", encode(above))
	w.settings.AdminSecretIDs = []string{"pingone/root"}
	w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
	w.bring()
	w.sm.Put(adminName, encode(d))
	w.sm.EnableRotation(adminName, functionARN)
	w.audit()
	w.advance(25 * time.Hour)
}

// accepted returns the secrets of the application and its twin that PingOne accepts.
func (w *world) accepted(clients ...string) map[secretOf]bool {
	all := map[secretOf]bool{}
	for _, id := range clients {
		if id == "" {
			continue // there is no twin
		}
		s := w.ping.Secret(w.app.Environment, id)
		for _, value := range []string{s.Value, s.Previous} {
			if value != "" {
				all[secretOf{id, value}] = true
			}
		}
	}
	return all
}

// The table of docs/leak.md: how each emergency ends, if each call takes 50 ms. With swift,
// everything that leaked is dead after 1.5 s; with contain, after 10 calls in a row.
func TestTheTableOfLeaks(t *testing.T) {
	const each = 50 * time.Millisecond
	var table strings.Builder
	table.WriteString("| what leaked | found | the report says | `swift`: dead after | `contain`: dead after |\n|---|---|---|---|---|\n")
	for _, l := range leakages {
		var said string
		var times []string
		for _, e := range []rotation.Emergency{rotation.Swift, rotation.Contain} {
			inBubble(t, func(w *world) {
				if l.before != nil {
					l.before(w)
				}
				clients := []string{w.client(), w.twin()}
				name := orders
				if l.name != "" {
					name, clients = l.name, []string{w.admin.ID}
				}
				victims := w.accepted(clients...)
				slow := func(*http.Request, []byte) error { <-time.After(each); return nil }
				w.connect(&memory.Transport{Handler: w.ping, Pass: slow}, &memory.Transport{Handler: w.sm, Pass: slow}, &memory.Transport{Handler: w.db, Pass: slow})
				begun := time.Now()
				var mu sync.Mutex
				var dead time.Duration
				w.ping.After(func(fault.Call, fault.Kind) {
					mu.Lock()
					defer mu.Unlock()
					alive := w.accepted(clients...)
					for v := range victims {
						if alive[v] {
							return
						}
					}
					if dead == 0 {
						dead = time.Since(begun)
					}
				})
				rep := w.do(rotation.Action{Action: "rotate", SecretID: name, Emergency: e}).(*rotation.Report)
				w.ping.After(nil)
				says := fmt.Sprintf("`%s`", rep.Outcome)
				if n := len(rep.Refused); n > 0 {
					says += fmt.Sprintf(", %d refused", n)
				}
				if n := len(rep.Gone); n > 0 {
					says += fmt.Sprintf(", %d gone", n)
				}
				for _, s := range rep.Served {
					says += ", served " + strings.TrimPrefix(s.Name, "pingone/")
				}
				if n := len(rep.Targets.All); n > 0 {
					says += fmt.Sprintf(", %d target", n)
				}
				limit := map[rotation.Emergency]time.Duration{rotation.Swift: 1500 * time.Millisecond, rotation.Contain: 10 * each}[e]
				if dead == 0 || dead > limit {
					t.Errorf("%s, %s, %s: dead after %v, want at most %v (%s)", l.what, l.state, e, dead, limit, rep.Error)
				}
				if said != "" && said != says {
					t.Errorf("%s, %s: the reports say %s and %s", l.what, l.state, said, says)
				}
				said = says
				times = append(times, fmt.Sprintf("%d calls, %.2f s", dead/each, dead.Seconds()))
			}, l.opts...)
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", l.what, l.state, said, strings.Join(times, " | "))
	}
	const page, from, to = "../docs/leak.md", "<!-- what each emergency comes to -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), from)
	was, after, ends := strings.Cut(rest, to)
	switch {
	case !ok || !ends:
		t.Fatalf("%s has no place for the table:\n%s", page, table.String())
	case *writeLeaks:
		if err := os.WriteFile(page, []byte(before+from+table.String()+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case was != table.String():
		t.Errorf("%s has another table; go test ./rotation -run TestTheTableOfLeaks -write-leaks writes it\n%s", page, table.String())
	}
}

// People print docs/leak.md and keep it next to the screen.
func TestTheNightOfTheLeakFitsOnAPage(t *testing.T) {
	text, err := os.ReadFile("../docs/leak.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines int
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "<!--") {
			lines++
		}
	}
	if lines > 62 || len(text) > 5600 {
		t.Errorf("it has %d lines and %d bytes, want at most 62 and 5600", lines, len(text))
	}
}
