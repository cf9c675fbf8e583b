package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A walk is a world in which anything may happen, in any order: two admin
// applications that rotate each other, and four applications that they rotate, one
// of them with a twin.
type walk struct {
	world
	ledgers []*ledger // the admins first

	mu         sync.Mutex
	armed      []*trigger
	fatal      map[fault.Call]bool // calls after which the process dies
	dead       bool                // the process, at the end of the invocation in progress
	invocation int
	tokens     int
	lagging    bool     // reads may be late
	kept       bool     // AWSPENDING may have stayed after a rotation
	texts      []string // errors
	breaches   []string
	story      []string

	looks, excuses int
}

// A trigger is what happens at the nth call of an operation from now.
type trigger struct {
	operation string
	n         int
	kind      fault.Kind
	death     bool        // the process dies: before the call or, if the kind applies it, after it
	act       func(*walk) // somebody interferes just before the call
}

const (
	longestLag = 4 // reads
	developer  = "Client Application Developer"
	data       = "Identity Data Admin"
	admins     = 2                   // the first ledgers are of admin applications
	twins      = 5                   // the ledger of the strategy alternating
	superior   = "Environment Admin" // a role that the admins cannot assign
)

// newWalk fills the services. Secrets in the mask are not seeded yet.
func newWalk(t *testing.T, ping *pingonetest.Server, sm *secretsmanagertest.Server, unseeded int) *walk {
	w := &walk{world: world{t: t, ping: ping, sm: sm, log: &journal{}, bubble: true}, fatal: map[fault.Call]bool{}, invocation: 1}
	w.settings = rotation.Settings{APIURL: ping.URL(), AuthURL: ping.URL()}
	var nothing context.CancelFunc = func() {}
	w.die.Store(&nothing)
	sm.AddFunction(functionARN, w.invoke)
	for i, s := range []struct {
		name, admin, method string
		roles               []string
		strategy            string
	}{
		{"pingone/admin-1", "pingone/admin-2", "CLIENT_SECRET_BASIC", []string{developer, data}, "single"},
		{"pingone/admin-2", "pingone/admin-1", "CLIENT_SECRET_POST", []string{developer, data}, "single"},
		{"pingone/orders", "pingone/admin-1", "CLIENT_SECRET_BASIC", []string{data}, "single"},
		{"pingone/billing", "pingone/admin-2", "CLIENT_SECRET_POST", []string{data}, "single"},
		{"pingone/shipping", "pingone/admin-1", "CLIENT_SECRET_BASIC", nil, "single"},
		{"pingone/stock", "pingone/admin-2", "CLIENT_SECRET_BASIC", nil, "alternating"},
	} {
		app := pingonetest.Application{Name: s.name, TokenEndpointAuthMethod: s.method}
		for _, r := range s.roles {
			app.Roles = append(app.Roles, pingonetest.RoleAssignment{Role: r})
		}
		l := &ledger{name: s.name, app: ping.AddApplication(app), until: map[string]time.Time{}, mints: map[string]int{}}
		d := document(l.app)
		d["rotation"] = map[string]any{"adminSecretId": s.admin, "strategy": s.strategy}
		if s.strategy == "alternating" {
			l.pair = &pair{mints: map[string]int{}}
		}
		if unseeded>>i&1 == 1 {
			d["clientSecret"] = ""
		}
		sm.Put(s.name, encode(d))
		sm.EnableRotation(s.name, functionARN)
		l.live = l.app.Secret
		w.ledgers = append(w.ledgers, l)
		w.read(l, ping.Now())
	}
	w.connect(&memory.Transport{Handler: ping}, &memory.Transport{Handler: sm})
	for _, line := range []*fault.Line{ping.Line, sm.Line} {
		line.Before(w.before)
		line.After(w.after)
	}
	return w
}

// invoke is one invocation of the function. If it dies, the next is a new process.
func (w *walk) invoke(ctx context.Context, event []byte) error {
	w.mu.Lock()
	w.invocation++
	w.mu.Unlock()
	err := w.world.invoke(ctx, event)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, fmt.Sprint(err))
	if w.dead {
		w.dead = false
		w.connect(w.toPingOne, w.toSecretsManager)
	}
	return err
}

func (w *walk) before(c fault.Call) fault.Kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range w.armed {
		if t.operation != c.Operation {
			continue
		}
		if t.n--; t.n > 0 {
			continue
		}
		w.armed = append(w.armed[:i:i], w.armed[i+1:]...)
		switch {
		case t.act != nil:
			w.story = append(w.story, "    somebody interferes")
			t.act(w)
		case t.death && t.kind.Applies():
			w.fatal[c] = true
		case t.death:
			w.kill()
		}
		return t.kind
	}
	return fault.None
}

func (w *walk) after(c fault.Call, k fault.Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := fmt.Sprintf("    %s %v", w.ping.Now().Format("02 15:04:05"), c)
	if k != fault.None {
		line += " (" + k.String() + ")"
	}
	w.story = append(w.story, line)
	for _, l := range w.ledgers {
		w.look(l, c)
	}
	if w.fatal[c] {
		w.kill()
	}
}

func (w *walk) kill() {
	(*w.die.Load())()
	w.dead = true
}

// begin starts a rotation, unless one is incomplete.
func (w *walk) begin(l *ledger) error {
	w.tokens++
	token := fmt.Sprintf("rotation-%023d", w.tokens)
	err := w.sm.BeginAs(l.name, token, "proof-of-"+token)
	if err == nil {
		l.begun = append(l.begun, token)
	}
	return err
}

// step sends one step of the last rotation, or of an earlier one.
func (w *walk) step(l *ledger, step rotation.Step, back int) error {
	if w.sm.VersionID(l.name, "AWSPENDING") == "" {
		w.begin(l)
	}
	i := len(l.begun) - 1 - back
	if i < 0 {
		return errors.New("there was no such rotation")
	}
	err := w.invoke(w.t.Context(), fmt.Appendf(nil, `{"Step":%q,"SecretId":%q,"ClientRequestToken":%q,"RotationToken":%q}`,
		step, w.sm.ARN(l.name), l.begun[i], "proof-of-"+l.begun[i]))
	if back > 0 && w.sm.VersionID(l.name, "AWSPENDING") == l.begun[i] {
		// A step that comes too late, and reads what was before, stores its version
		// and so ends the rotation that has begun since.
		l.stranded = true
	}
	if err == nil && l.unfinished {
		return w.attempt(l) // the service notices that the rotation is over
	}
	return err
}

// attempt is the scheduler's attempt of a rotation in progress.
func (w *walk) attempt(l *ledger) error {
	err := w.sm.Attempt(w.t.Context(), l.name)
	if err == nil {
		l.unfinished = false
	}
	return err
}

// rotate is what the scheduler does next: it goes on with the rotation in progress,
// or starts one.
func (w *walk) rotate(l *ledger) error {
	err := w.attempt(l)
	if errors.Is(err, secretsmanagertest.ErrNoRotation) {
		if err = w.begin(l); err == nil {
			err = w.attempt(l)
		}
	}
	return err
}

// unlabel takes AWSPENDING away, as an operator does.
func (w *walk) unlabel(l *ledger) error {
	id := w.sm.VersionID(l.name, "AWSPENDING")
	_, err := w.rotator.Secrets.UpdateSecretVersionStage(w.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &l.name, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &id,
	})
	return err
}

// consume obtains a token as a consumer that may not have noticed the last rotation.
func (w *walk) consume(l *ledger, old bool) error {
	client, secret := l.app.ClientID, l.current.ClientSecret
	switch {
	case l.pair != nil && old:
		client, secret = l.pair.previous.ClientID, l.pair.previous.ClientSecret
	case l.pair != nil:
		client = l.current.ClientID
	case old:
		secret = l.previous
	}
	_, err := w.rotator.PingOne.Token(w.t.Context(), pingone.Credential{
		Environment: pingone.Environment{ID: l.app.Environment, API: w.ping.URL(), Auth: w.ping.URL() + "/" + l.app.Environment},
		ClientID:    client,
		Secret:      pingone.NewSecret(secret),
		Method:      pingone.AuthMethod(l.app.TokenEndpointAuthMethod),
	}, "")
	return err
}

// change edits an application at the console.
func (w *walk) change(l *ledger, edit func(*pingonetest.Application)) {
	edit(&l.app)
	w.ping.UpdateApplication(l.app.Environment, l.app.ID, func(a *pingonetest.Application) {
		a.Disabled, a.TokenEndpointAuthMethod, a.Roles = l.app.Disabled, l.app.TokenEndpointAuthMethod, l.app.Roles
	})
	l.disabled = l.app.Disabled
	w.excuse(l)
}

func has(a *pingonetest.Application, role string) bool {
	return slices.ContainsFunc(a.Roles, func(r pingonetest.RoleAssignment) bool { return r.Role == role })
}

// toggle gives an application a role or takes it away.
func toggle(a *pingonetest.Application, role string) {
	if !has(a, role) {
		a.Roles = append(slices.Clone(a.Roles), pingonetest.RoleAssignment{Role: role})
		return
	}
	a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(r pingonetest.RoleAssignment) bool { return r.Role == role })
}

// heal stops all interference and lets the scheduler go on until each secret that
// is not at rest has been promoted.
func (w *walk) heal() {
	w.mu.Lock()
	w.armed = nil
	w.say("the interference stops")
	w.sm.LagReads(0)
	w.ping.PropagationDelay(0)
	for i, l := range w.ledgers {
		w.change(l, func(a *pingonetest.Application) {
			a.Disabled = false
			for _, r := range []string{developer, superior} {
				if has(a, r) != (r == developer && i < admins) {
					toggle(a, r)
				}
			}
		})
	}
	w.mu.Unlock()
	w.connect(w.toPingOne, w.toSecretsManager)
	for _, l := range w.ledgers {
		for range longestLag { // what was written before is still to be seen
			w.rotator.Secrets.DescribeSecret(w.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &l.name})
		}
	}

	const enough = 6
	errs := map[*ledger]error{}
	var left []*ledger
	for _, l := range w.ledgers {
		if pending := w.sm.VersionID(l.name, "AWSPENDING"); pending != "" || !w.acts(l) || l.current.ClientSecret != l.live {
			left = append(left, l)
		}
	}
	for attempt := 1; len(left) > 0 && attempt <= enough; attempt++ {
		var failed []*ledger
		for _, l := range left {
			w.repair()
			w.say("attempt %d: %s", attempt, l.name)
			promoted := l.unfinished // and then perhaps interfered with
			err := w.rotate(l)
			errs[l] = err
			if err == nil && !promoted {
				w.promoted(l)
				continue
			}
			failed = append(failed, l)
			if err == nil {
				continue
			}
			w.say("  -> %v", err)
			w.advance(time.Minute)
			switch {
			case strings.Contains(err.Error(), "rotate again when it has been idle"):
				w.advance(2 * time.Hour)
			case (w.kept || l.stranded) && strings.Contains(err.Error(), "previous rotation isn't complete"):
				// AWSPENDING is on a version that no rotation will promote: one step came
				// far too late, or somebody stored an AWSCURRENT after a rotation that
				// left AWSPENDING where it was.
				w.unlabel(l)
			}
		}
		left = failed
	}
	for _, l := range left {
		w.breach("I4: %s is not promoted after %d attempts: %v", l.name, enough, errs[l])
	}
	if leak := w.leaks(w.texts...); leak != "" {
		w.breach("I6: %s", leak)
	}
}

// repair stores what is right for an admin if there is none that can act: of two
// that rotate each other one must be left.
func (w *walk) repair() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if first := w.ledgers[0]; !w.acts(first) && !w.acts(w.ledgers[1]) {
		w.say("somebody repairs %s", first.name)
		w.write(first, func(d map[string]any) {
			d["clientSecret"], d["tokenEndpointAuthMethod"] = first.live, first.app.TokenEndpointAuthMethod
		})
	}
}

// promoted checks what must hold once a rotation is over.
func (w *walk) promoted(l *ledger) {
	switch {
	case l.current.ClientSecret != l.live:
		w.breach("I3: AWSCURRENT of %s is not PingOne's current secret", l.name)
	case l.current.TokenEndpointAuthMethod != l.app.TokenEndpointAuthMethod:
		w.breach("I3: consumers of %s use another method than the application", l.name)
	}
	if id := w.sm.VersionID(l.name, "AWSPENDING"); id != "" && id != w.sm.VersionID(l.name, "AWSCURRENT") {
		w.breach("I4: AWSPENDING of %s is left behind", l.name)
	}
}

// acts reports whether the application can use what is stored.
func (w *walk) acts(l *ledger) bool {
	return w.works(l) && l.current.TokenEndpointAuthMethod == l.app.TokenEndpointAuthMethod
}

func (w *walk) say(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}
