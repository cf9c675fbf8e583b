package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"pingrotate/consumer"
	"pingrotate/internal/conformance"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A Trial is set up by the command.
type Trial struct {
	PingOne *conformance.PingOne
	AWS     *conformance.AWS
	Secrets *secretsmanager.Client

	AdminDocument string // of the admin, as it is stored
	PingOneRegion pingone.Region

	Program string   // this command
	Flags   []string // that the child needs as well
	Env     []string // of the child

	Say func(format string, args ...any) // told of each stage
}

// run is a trial under way.
type run struct {
	*Trial
	page      Page
	consumers *consumers
	app       conformance.Lent
	secret    string // name of the managed one
	admin     string // name
	table     string
	seen      map[string]bool // fingerprints of the application's secrets
	current   string          // fingerprint
}

// Run plays the story and cleans up. The error says why the story could not be told to
// its end; what was not as promised is on the page.
func (t *Trial) Run(ctx context.Context, version string) (Page, error) {
	r := &run{Trial: t, seen: map[string]bool{}}
	r.page = Page{Version: version, Environment: t.PingOne.Environment.ID, Region: t.AWS.Region, Begun: time.Now().UTC()}
	err := r.play(ctx)
	r.Say("cleaning up")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	for what, close := range map[string]func(context.Context) error{"things in PingOne": t.PingOne.Close, "things in AWS": t.AWS.Close} {
		if problem := close(last); problem != nil {
			r.page.Left = append(r.page.Left, what)
			err = errors.Join(err, problem)
		}
	}
	r.page.Ended, r.page.Secrets = time.Now().UTC(), len(r.seen)
	if r.consumers != nil {
		r.page.Requests, r.page.Failures = r.consumers.requests, r.consumers.failures
	}
	return r.page, err
}

func (r *run) play(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return fmt.Errorf("prepare the trial: %w", err)
	}
	r.consumers = &consumers{source: func() *consumer.Source {
		s := &consumer.Source{Secrets: r.Secrets, SecretID: r.secret, MaxAge: time.Hour, Log: quietly}
		if !strings.HasPrefix(r.PingOne.Environment.Auth, "https://") { // the sandbox
			s.AuthURL = strings.TrimSuffix(r.PingOne.Environment.Auth, "/"+r.PingOne.Environment.ID)
		}
		return s
	}}
	stop := func() {}
	defer func() { stop() }()
	for n, stage := range []struct {
		what string
		do   func(context.Context) (found string, good bool, err error)
	}{
		{"take the application's secret over as it is", r.takeOver},
		{"rotate the secret", r.rotate},
		{"rotate it again, and kill the process after PingOne has made the new secret and before that is stored", r.crash},
		{"run the rotation again", r.recover},
		{"end a leak of the secret: an emergency, swift", r.emergency},
	} {
		r.Say("%s", stage.what)
		began, before := time.Now(), r.consumers.count()
		found, good, err := stage.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", stage.what, err)
		}
		if promise := r.look(ctx); promise != "" {
			found, good = found+"; "+promise, false
		}
		if n == 0 {
			stop = r.consumers.run(ctx) // now there is something to read
		}
		r.page.Stages = append(r.page.Stages, Stage{stage.what, found, good, began.UTC(), time.Since(began), r.consumers.count() - before})
	}
	return nil
}

// prepare makes the application, the register's table, the admin's and the managed
// secret. The admin allows the managed secret and nothing else.
func (r *run) prepare(ctx context.Context) error {
	r.Say("creating a throw-away application, two secrets and a table")
	// A trial that was killed has left a copy of the admin's credential behind.
	if _, err := r.AWS.Sweep(ctx); err != nil {
		return err
	}
	if _, err := r.PingOne.Sweep(ctx); err != nil {
		return err
	}
	var err error
	if r.app, err = r.PingOne.Lend(ctx); err != nil {
		return err
	}
	if r.table, err = r.AWS.Table(ctx); err != nil {
		return err
	}
	adminName := conformance.Prefix + r.AWS.Run + "-admin"
	document := object{
		"environmentId": r.PingOne.Environment.ID, "region": string(r.PingOneRegion), "clientId": r.app.ID,
		"rotation": object{"adminSecretId": adminName},
	}
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	if r.secret, err = r.AWS.Keep(ctx, "orders", func(string) (string, error) { return string(text), nil }); err != nil {
		return err
	}
	parsed, err := rotation.ParseDocument(string(text))
	if err != nil {
		return err
	}
	r.admin, err = r.AWS.Keep(ctx, "admin", func(string) (string, error) {
		return serving(r.AdminDocument, rotation.EntryFor(r.secret, parsed))
	})
	r.current = pingone.NewSecret(r.app.Secret).Fingerprint()
	r.seen[r.current] = true
	return err
}

type object = map[string]any

// serving returns an admin's document with one entry in its allow, and no rotation.
func serving(document, entry string) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(document), &members); err != nil {
		return "", errors.New("the admin's document is not a JSON object")
	}
	delete(members, "rotation")
	members["allow"] = json.RawMessage("[" + entry + "]")
	text, err := json.Marshal(members)
	return string(text), err
}

// look checks, after each stage, that AWSCURRENT is a secret that PingOne shows. That it
// obtains tokens is what the consumers check.
func (r *run) look(ctx context.Context) (broken string) {
	text, err := r.AWS.Current(ctx, r.secret)
	if err != nil {
		return err.Error()
	}
	d, err := rotation.ParseDocument(text)
	if err != nil {
		return err.Error()
	}
	secret, previous, err := r.PingOne.Holds(ctx, r.app.ID)
	if err != nil {
		return err.Error()
	}
	r.seen[pingone.NewSecret(secret).Fingerprint()] = true
	r.current = d.ClientSecret.Fingerprint()
	if held := d.ClientSecret.Reveal(); held != secret && held != previous {
		return "AWSCURRENT is not a secret that PingOne accepts"
	}
	return ""
}

// child runs this command's rotate with --local.
func (r *run) child(ctx context.Context, env []string, more ...string) *exec.Cmd {
	args := append([]string{"rotate", r.secret, "--local", "--register", r.table, "--output", "json", "--quiet"}, r.Flags...)
	c := exec.CommandContext(ctx, r.Program, append(args, more...)...)
	c.Env = append(append([]string{}, r.Env...), append([]string{"PINGONE_ADMIN_SECRET_ID=" + r.admin}, env...)...)
	return c
}

// rotating runs a rotation to its end, and returns its report.
func (r *run) rotating(ctx context.Context, more ...string) (rotation.Report, error) {
	var out, said bytes.Buffer
	c := r.child(ctx, nil, more...)
	c.Stdout, c.Stderr = &out, &said
	failed := c.Run()
	var report rotation.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return report, fmt.Errorf("the rotation ended without a report (%v): %s", failed, strings.TrimSpace(said.String()))
	}
	return report, nil
}

func (r *run) takeOver(ctx context.Context) (string, bool, error) {
	report, err := r.rotating(ctx)
	if err != nil {
		return "", false, err
	}
	if report.Promoted == nil {
		return string(report.Outcome) + ": " + report.Error, false, nil
	}
	own := pingone.NewSecret(r.app.Secret).Fingerprint()
	return report.Promoted.Fingerprint + ", which PingOne had already, is stored as AWSCURRENT", report.Minted == nil && report.Promoted.Fingerprint == own, nil
}

func (r *run) rotate(ctx context.Context) (string, bool, error) {
	report, err := r.rotating(ctx)
	if err != nil {
		return "", false, err
	}
	if report.Minted == nil || report.Promoted == nil {
		return string(report.Outcome) + ": " + report.Error, false, nil
	}
	found := fmt.Sprintf("PingOne made %s and kept %s until %s; it obtained a token and became AWSCURRENT",
		report.Minted.Fingerprint, report.Replaced, report.PreviousUntil.UTC().Format("2 January 15:04 UTC"))
	return found, report.Outcome == rotation.Promoted, nil
}

// crash ends the previous secret first, as an operator would who cannot wait until
// consumers are known to have left it.
func (r *run) crash(ctx context.Context) (string, bool, error) {
	if err := r.PingOne.EndPrevious(ctx, r.app.ID); err != nil {
		return "", false, err
	}
	before := r.current
	environment := r.PingOne.Environment
	p := &passage{api: environment.API}
	if err := p.start(); err != nil {
		return "", false, err
	}
	defer p.close()
	c := r.child(ctx, []string{
		"PINGONE_API_URL=" + p.url(), "PINGONE_AUTH_URL=" + strings.TrimSuffix(environment.Auth, "/"+environment.ID),
	})
	p.kill = func() { c.Process.Kill() }
	var out bytes.Buffer
	c.Stdout = &out
	c.Run() // its end is what this is about
	if !p.killed.Load() {
		var report rotation.Report
		json.Unmarshal(out.Bytes(), &report) // or it ended without one
		return fmt.Sprintf("the rotation ended before it had asked for a new secret: %s %s", report.Outcome, report.Error), false, nil
	}
	secret, _, err := r.PingOne.Holds(ctx, r.app.ID)
	if err != nil {
		return "", false, err
	}
	made := pingone.NewSecret(secret).Fingerprint()
	return fmt.Sprintf("PingOne made %s, which is stored nowhere; AWSCURRENT is still %s, which PingOne keeps", made, before), made != before, nil
}

func (r *run) recover(ctx context.Context) (string, bool, error) {
	secret, _, err := r.PingOne.Holds(ctx, r.app.ID)
	if err != nil {
		return "", false, err
	}
	made := pingone.NewSecret(secret).Fingerprint()
	report, err := r.rotating(ctx)
	if err != nil {
		return "", false, err
	}
	if report.Promoted == nil {
		return string(report.Outcome) + ": " + report.Error, false, nil
	}
	good := report.Outcome == rotation.Promoted && report.Minted == nil && report.Promoted.Fingerprint == made
	return fmt.Sprintf("%s: no second secret was made; %s became AWSCURRENT", report.Decision, report.Promoted.Fingerprint), good, nil
}

func (r *run) emergency(ctx context.Context) (string, bool, error) {
	report, err := r.rotating(ctx, "--emergency", "swift", "--reason", "a trial", "--yes")
	if err != nil {
		return "", false, err
	}
	var dead []string
	for _, m := range report.Refused {
		dead = append(dead, m.Fingerprint)
	}
	if report.Promoted == nil {
		return string(report.Outcome) + ": " + report.Error, false, nil
	}
	found := fmt.Sprintf("%s: %s became AWSCURRENT; PingOne was asked for half a minute and refuses %s",
		report.Outcome, report.Promoted.Fingerprint, strings.Join(dead, ", "))
	if len(report.StillOpen) > 0 {
		found += "; open: " + strings.Join(report.StillOpen, "; ")
	}
	return found, report.Outcome == rotation.Ended && len(dead) > 0, nil
}
