package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A keeper is a way in which a consumer gets the secret: the documented caches, at their
// worst.
type keeper struct {
	name  string
	keeps time.Duration // how long it uses what it has read; zero: until it is started again
	late  time.Duration // how long what was read takes to reach the process
	stale bool          // continues with what it has when it cannot read

	// rule: on invalid_client it reads again and retries once.
	rule bool
	// redeployed is how long after a rotation it is restarted; zero: never.
	redeployed time.Duration
}

// The sources of these numbers are in the pages of the clients: the user guide of
// Secrets Manager on caching, the README of aws/aws-secretsmanager-agent (ttl_seconds
// and ignore_transient_errors), the Lambda guide on the extension, the CRD of External
// Secrets, and the Kubernetes page on Secrets for the volume. No page says what the
// extension does when it cannot read; that it fails is assumed.
var keepers = []keeper{
	{name: "AWS's caching clients", keeps: time.Hour, stale: true},
	{name: "Workload Credentials Provider (Secrets Manager Agent)", keeps: 5 * time.Minute, stale: true},
	{name: "Parameters and Secrets Lambda extension", keeps: 5 * time.Minute},
	{name: "External Secrets, mounted as a volume", keeps: time.Hour, late: 2 * time.Minute, stale: true},
	{name: "any of these, with the rule", keeps: time.Hour, stale: true, rule: true},
	{name: "environment variable, redeployed by an event within 10 min", redeployed: 10 * time.Minute, stale: true}, // the old one runs until the new one does
	{name: "environment variable, never redeployed"},
}

// A story is what happens to consumers that request tokens at an interval. It tells them of
// the rotation, and returns when that ended.
type story struct {
	lasts, pace time.Duration
	tell        func(*world) (rotated time.Time)
}

// A life is what happened to one consumer.
type life struct {
	name        string
	story       story
	mu          sync.Mutex
	asked       int
	failed      int
	first, last time.Time // failures
	log         string    // of this package
}

func (l *life) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if err == nil {
		return
	}
	if l.failed++; l.failed == 1 {
		l.first = time.Now()
	}
	l.last = time.Now()
}

// A kept consumer gets its secret through a keeper, and requests a token each time.
type kept struct {
	keeper
	world   *world
	secrets *secretsmanager.Client

	held, coming *pingone.Credential
	read, due    time.Time // when the secret was read, and when the one under way arrives

	redeploy time.Time // when it is restarted; zero: no restart is planned
	told     bool      // of the rotation
}

func (k *kept) fetch(ctx context.Context) (*pingone.Credential, error) {
	out, err := k.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(orders)})
	if err != nil {
		return nil, err
	}
	return k.world.credential(aws.ToString(out.SecretString)), nil
}

// ask obtains one token, as such a consumer does.
func (k *kept) ask(ctx context.Context) error {
	now := time.Now()
	started := !k.redeploy.IsZero() && !now.Before(k.redeploy)
	if k.held == nil || started || k.keeps > 0 && now.Sub(k.read) >= k.keeps {
		next, err := k.fetch(ctx)
		switch {
		case err == nil && (k.held == nil || started):
			k.held, k.read, k.redeploy = next, now, time.Time{}
		case err == nil:
			k.coming, k.read, k.due = next, now, now.Add(k.late)
		case k.held == nil || !k.stale:
			return err
		}
	}
	if k.coming != nil && !now.Before(k.due) {
		k.held, k.coming = k.coming, nil
	}
	client := pingone.Client{HTTP: k.world.toPingOne()}
	_, err := client.Token(ctx, *k.held, "")
	if err == nil || !k.rule || !pingone.IsRejected(err) {
		return err
	}
	next, readErr := k.fetch(ctx)
	if readErr != nil {
		return err
	}
	k.held, k.read = next, now
	_, err = client.Token(ctx, *k.held, "")
	return err
}

// live takes this package and each keeper through a story. All have just read the secret
// when it begins. The lives are in the order of the table.
func live(t *testing.T, s story) (lives []*life, rotated time.Time) {
	short := pingonetest.Application{Audience: "https://orders.example", Scopes: []string{"orders"}, TokenTTL: 5 * time.Minute}
	inBubble(t, short, func(w *world) {
		begun := time.Now()
		ours := &life{name: "package `consumer`", story: s}
		ours.note(discard(w.source.Token(w.t.Context())))
		lives = append(lives, ours)
		asks := []func(context.Context) error{func(ctx context.Context) error { return discard(w.source.Token(ctx)) }}
		var all []*kept
		for _, k := range keepers {
			c := &kept{keeper: k, world: w, secrets: w.secretsManager("kept")}
			l := &life{name: k.name, story: s}
			l.note(c.ask(w.t.Context()))
			all, lives, asks = append(all, c), append(lives, l), append(asks, c.ask)
		}
		told := make(chan struct{})
		go func() {
			defer close(told)
			rotated = s.tell(w)
		}()
		tick := time.NewTicker(s.pace)
		defer tick.Stop()
		for time.Since(begun) < s.lasts {
			<-tick.C
			select {
			case <-told:
				for _, c := range all {
					if c.redeployed > 0 && !c.told {
						c.told, c.redeploy = true, rotated.Add(c.redeployed)
					}
				}
			default:
			}
			var wg sync.WaitGroup
			for i, ask := range asks {
				wg.Go(func() { lives[i].note(ask(w.t.Context())) })
			}
			wg.Wait()
		}
		<-told
		ours.log = w.log.String()
	})
	return lives, rotated
}

func discard(_ pingone.Token, err error) error { return err }

// credential is a consumer's credential from the stored document.
func (w *world) credential(text string) *pingone.Credential {
	var d struct{ ClientID, ClientSecret, TokenEndpointAuthMethod string }
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		w.t.Error(err)
	}
	return &pingone.Credential{
		Environment: pingone.Environment{ID: w.app.Environment, API: w.ping.URL(), Auth: w.ping.URL() + "/" + w.app.Environment},
		ClientID:    d.ClientID,
		Secret:      pingone.NewSecret(d.ClientSecret),
		Method:      pingone.AuthMethod(d.TokenEndpointAuthMethod),
	}
}

// outage makes Secrets Manager fail for an hour, for all callers.
func (w *world) outage() {
	w.sm.Before(func(fault.Call) fault.Kind { return fault.Unavailable })
	time.AfterFunc(time.Hour, func() { w.sm.Before(nil) })
}

// failing says how long a consumer failed after the event.
func (l *life) failing(event time.Time, forGood string) string {
	switch {
	case l.failed == 0:
		return "no failure"
	case !l.last.Add(l.story.pace).Before(event.Add(l.story.lasts)):
		return "**" + forGood + "**"
	}
	return "fails for " + short(l.last.Add(l.story.pace).Sub(event).Round(time.Minute))
}

// Consumers with every documented cache time live through a rotation, an emergency and an
// outage of Secrets Manager. docs/consumers.md shows the results.
func TestEveryConsumerLivesThroughARotationAnEmergencyAndAnOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("the stand-in signs two thousand tokens, which takes the race detector 13 s")
	}
	const fuse = 48 * time.Hour // of a secret in use past its grace
	ordinary, rotated := live(t, story{fuse + 2*time.Hour, 15 * time.Minute, func(w *world) time.Time {
		w.rotate()
		return time.Now()
	}})
	emergency, ended := live(t, story{75 * time.Minute, time.Minute, func(w *world) time.Time {
		var at time.Time
		w.ping.After(func(c fault.Call, _ fault.Kind) {
			if c.Operation == pingonetest.OpDeletePrevious {
				at = time.Now()
			}
		})
		w.emergency(rotation.Swift)
		w.ping.After(nil)
		return at
	}})

	if !strings.Contains(emergency[0].log, "secret refused") {
		t.Error("package consumer was never refused in the emergency, so that nothing was shown")
	}

	outages := map[string]func(*world) time.Time{
		"before": func(w *world) time.Time {
			w.outage()
			w.advance(time.Hour)
			w.rotate()
			return time.Now()
		},
		// Right after PingOne has made a secret, before it is stored.
		"during": func(w *world) time.Time {
			w.ping.After(func(c fault.Call, _ fault.Kind) {
				if c.Operation == pingonetest.OpRegenerateSecret {
					w.ping.After(nil)
					w.outage()
				}
			})
			if err := w.sm.Rotate(w.t.Context(), orders); err == nil {
				w.t.Error("a rotation succeeded without Secrets Manager")
			}
			w.advance(61 * time.Minute)
			if err := w.sm.Attempt(w.t.Context(), orders); err != nil {
				w.t.Errorf("the rotation's next attempt: %v", err)
			}
			return time.Now()
		},
		"after": func(w *world) time.Time {
			w.rotate()
			w.outage()
			return time.Now()
		},
	}
	down := map[string][]*life{}
	for when, tell := range outages {
		down[when], _ = live(t, story{150 * time.Minute, 5 * time.Minute, tell})
	}

	var table strings.Builder
	table.WriteString("| consumer | keeps a secret | rotation, with the grace of 24 h | leaked secret ended at once | Secrets Manager down for 1 h |\n|---|---|---|---|---|\n")
	for i, l := range ordinary {
		keeps, rule := "5 min", true
		if i > 0 {
			k := keepers[i-1]
			rule = k.rule
			switch {
			case k.keeps > 0:
				keeps = short(k.keeps + k.late)
			case k.redeployed > 0:
				keeps = short(k.redeployed)
			default:
				keeps = "for ever"
			}
			checkKeeper(t, k, l, emergency[i], rotated.Add(fuse), ended)
		}
		if rule && l.failed+emergency[i].failed > 0 {
			t.Errorf("%s: %d failures in a rotation and %d in an emergency, want none", l.name, l.failed, emergency[i].failed)
		}
		worst := "no failure"
		for when, lives := range down {
			if lives[i].failed > 0 {
				worst = fmt.Sprintf("fails for %s of it", short(time.Duration(lives[i].failed)*lives[i].story.pace))
				if rule || i > 0 && keepers[i-1].stale {
					t.Errorf("%s: %d failures with Secrets Manager down %s a rotation, want none", l.name, lives[i].failed, when)
				}
			}
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", l.name, keeps,
			l.failing(rotated, "fails after 48 h"),
			emergency[i].failing(ended, "fails until it is redeployed"), worst)
	}

	readme, err := os.ReadFile("../docs/consumers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "<!-- consumers -->\n")
	shown, _, ok := strings.Cut(rest, "<!-- /consumers -->")
	if !ok || shown != table.String() {
		t.Errorf("docs/consumers.md shows a table that is not what was measured, which is\n%s", table.String())
	}
}

// checkKeeper checks what docs/consumers.md promises of a cache: that the grace covers it, and
// that an emergency locks it out no longer than it keeps a secret.
func checkKeeper(t *testing.T, k keeper, ordinary, emergency *life, graceEnds, ended time.Time) {
	t.Helper()
	survives := k.keeps > 0 || k.redeployed > 0
	switch {
	case survives && ordinary.failed > 0:
		t.Errorf("%s: %d of %d requests failed in a rotation, want none", k.name, ordinary.failed, ordinary.asked)
	case !survives && (ordinary.failed == 0 || ordinary.first.Before(graceEnds)):
		t.Errorf("%s: the first failure is at %v, want it when the replaced secret ends, %v", k.name, ordinary.first, graceEnds)
	}
	if limit := k.keeps + k.late + k.redeployed; survives && emergency.failed > 0 && emergency.last.After(ended.Add(limit)) {
		t.Errorf("%s: failed until %v after an emergency, want at most %v", k.name, emergency.last.Sub(ended), limit)
	}
	if !k.rule && emergency.failed == 0 {
		t.Errorf("%s: no failure in an emergency, which the model must show", k.name)
	}
}

func short(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}
