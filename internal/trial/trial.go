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

	"pingrotate/internal/conformance"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A Trial is what the command sets up.
type Trial struct {
	PingOne *conformance.PingOne
	AWS     *conformance.AWS
	Secrets *secretsmanager.Client

	AdminSecret   string // name or ARN of the secret of the admin
	AdminDocument string // the admin's document, as it is stored
	PingOneRegion pingone.Region

	Function string // ARN of the deployed function that is to rotate a secret; "" for none

	// Serves asks that function whether it will serve a secret of this name with this
	// document, before there is one.
	Serves func(ctx context.Context, secret, document string) error

	Program string   // this command
	Flags   []string // for the child processes as well
	Env     []string // for the child processes

	Say func(format string, args ...any) // called at the start of each stage
}

// run is a trial under way.
type run struct {
	*Trial
	page     Page
	report   rotation.Report // of the stage, if it was a process that rotated
	local    *managed        // rotated by processes of this command
	attached *managed        // rotated by the deployed function; nil without one
	admin    string          // name of the secret with the admin for local
	table    string          // name of the register's table for local
}

// A stage is one part of the story, before it is played.
type stage struct {
	what   string
	of     *managed
	begins bool // whether consumers use the secret from then on
	do     func(context.Context) (found string, good bool, err error)
}

// Run plays the story and cleans up. The error says why the story could not be finished;
// anything that was not as promised is on the page.
func (t *Trial) Run(ctx context.Context, version string) (Page, error) {
	r := &run{Trial: t}
	r.page = Page{Version: version, Environment: t.PingOne.Environment.ID, Region: t.AWS.Region, Function: t.Function, Begun: time.Now().UTC()}
	err := r.play(ctx)
	r.Say("cleaning up")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	// AWS first: a rotation that is under way is cancelled before its application goes.
	for _, end := range []struct {
		what  string
		close func(context.Context) error
	}{{"things in AWS", t.AWS.Close}, {"things in PingOne", t.PingOne.Close}} {
		if problem := end.close(last); problem != nil {
			r.page.Left = append(r.page.Left, end.what)
			err = errors.Join(err, problem)
		}
	}
	r.page.Ended = time.Now().UTC()
	for _, m := range r.all() {
		r.page.Secrets += len(m.seen)
		r.page.Requests += m.consumers.requests
		r.page.Failures = append(r.page.Failures, m.consumers.failures...)
	}
	return r.page, err
}

// all returns the managed secrets of the trial.
func (r *run) all() (all []*managed) {
	for _, m := range []*managed{r.attached, r.local} {
		if m != nil {
			all = append(all, m)
		}
	}
	return all
}

func (r *run) requests() (n int) {
	for _, m := range r.all() {
		n += m.consumers.count()
	}
	return n
}

func (r *run) play(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return fmt.Errorf("prepare the trial: %w", err)
	}
	stages := []stage{
		{"take the application's secret over as it is", r.local, true, r.takeOver},
		{"rotate the secret", r.local, false, r.rotate},
		{"rotate it again, and kill the process after PingOne has made the new secret and before that is stored", r.local, false, r.crash},
		{"run the rotation again", r.local, false, r.recover},
		{"end a leak of the secret: an emergency, swift", r.local, false, r.emergency},
	}
	if r.attached != nil {
		stages = append([]stage{
			{"attach the secret of another application to the deployed function, with `pingrotate adopt`", r.attached, true, r.attach},
			{"have Secrets Manager rotate it at once, by the four steps of the deployed function, as it will on schedule", r.attached, false, r.scheduled},
		}, stages...)
	}
	var stops []func()
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	for _, s := range stages {
		r.Say("%s", s.what)
		began, before := time.Now(), r.requests()
		r.report = rotation.Report{}
		found, good, err := s.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
		if len(r.report.Waited) > 0 {
			found += "; it waited " + strings.Join(r.report.Waited, ", and ")
		}
		broken, err := r.look(ctx, s.of)
		if err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
		if broken != "" {
			found, good = found+"; "+broken, false
		}
		if s.begins && broken == "" {
			stops = append(stops, s.of.consumers.run(ctx)) // now there is something to read
		}
		r.page.Stages = append(r.page.Stages, Stage{s.what, found, r.report.StillOpen, good, began.UTC(), time.Since(began), r.requests() - before})
	}
	return nil
}

// prepare creates the applications, the register's table, the admin's secret and the
// managed secrets. The admin allows the local managed secret and nothing else; the deployed
// function's own admin decides what that function serves.
func (r *run) prepare(ctx context.Context) error {
	r.Say("creating throw-away applications, secrets and a table")
	// A trial that was killed has left a copy of the admin's credential behind.
	if _, err := r.AWS.Sweep(ctx); err != nil {
		return err
	}
	if _, err := r.PingOne.Sweep(ctx); err != nil {
		return err
	}
	var err error
	if r.Function != "" {
		if r.attached, err = r.manage(ctx, AttachedPurpose, r.AdminSecret); err != nil {
			return err
		}
	}
	if r.table, err = r.AWS.Table(ctx); err != nil {
		return err
	}
	if r.local, err = r.manage(ctx, "orders", r.AWS.NameOf("admin")); err != nil {
		return err
	}
	r.admin, err = r.AWS.Keep(ctx, "admin", func(string) (string, error) {
		return serving(r.AdminDocument, rotation.EntryFor(r.local.secret, r.local.document))
	})
	return err
}

type object = map[string]any

// serving returns an admin's document with one entry in its allow, and without a rotation.
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

// look checks, after each stage, that AWSCURRENT is a secret that PingOne shows. The
// consumers check that it obtains tokens.
func (r *run) look(ctx context.Context, m *managed) (broken string, err error) {
	text, err := r.AWS.Current(ctx, m.secret)
	if err != nil {
		return "", err
	}
	d, err := rotation.ParseDocument(text)
	if err != nil {
		return err.Error(), nil
	}
	secret, previous, err := r.PingOne.Holds(ctx, m.app.ID)
	if err != nil {
		return "", err
	}
	m.sees(secret)
	m.current = d.ClientSecret.Fingerprint()
	if held := d.ClientSecret.Reveal(); held != secret && held != previous {
		return "AWSCURRENT is not a secret that PingOne accepts", nil
	}
	return "", nil
}

// child returns this command's rotate with --local, ready to start.
func (r *run) child(ctx context.Context, env []string, more ...string) *exec.Cmd {
	args := append([]string{"rotate", r.local.secret, "--local", "--register", r.table, "--output", "json", "--quiet"}, r.Flags...)
	c := exec.CommandContext(ctx, r.Program, append(args, more...)...)
	c.Env = append(append([]string{}, r.Env...), append([]string{"PINGONE_ADMIN_SECRET_ID=" + r.admin}, env...)...)
	return c
}

// rotating runs a rotation to its end and returns its report.
func (r *run) rotating(ctx context.Context, more ...string) (rotation.Report, error) {
	var out, said bytes.Buffer
	c := r.child(ctx, nil, more...)
	c.Stdout, c.Stderr = &out, &said
	failed := c.Run()
	var report rotation.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return report, fmt.Errorf("the rotation ended without a report (%v): %s", failed, strings.TrimSpace(said.String()))
	}
	r.report = report
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
	own := pingone.NewSecret(r.local.app.Secret).Fingerprint()
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
		report.Minted.Fingerprint, report.Replaced, at(report.PreviousUntil))
	return found, report.Outcome == rotation.Promoted, nil
}

// crash first ends the previous secret, as would an operator who cannot wait until
// consumers are known to have left it.
func (r *run) crash(ctx context.Context) (string, bool, error) {
	if err := r.PingOne.EndPrevious(ctx, r.local.app.ID); err != nil {
		return "", false, err
	}
	before := r.local.current
	environment := r.PingOne.Environment
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan struct{})
	p := &passage{api: environment.API, kill: func() { cancel(); <-gone }} // dead before it misses the reply
	if err := p.start(); err != nil {
		return "", false, err
	}
	defer p.close()
	c := r.child(running, []string{
		"PINGONE_API_URL=" + p.url(), "PINGONE_AUTH_URL=" + strings.TrimSuffix(environment.Auth, "/"+environment.ID),
	})
	var out bytes.Buffer
	c.Stdout = &out
	c.Run() // it is meant to be killed
	close(gone)
	if !p.killed.Load() {
		var report rotation.Report
		json.Unmarshal(out.Bytes(), &report) // it may have ended without one
		return fmt.Sprintf("the rotation ended before it had asked for a new secret: %s %s", report.Outcome, report.Error), false, nil
	}
	secret, _, err := r.PingOne.Holds(ctx, r.local.app.ID)
	if err != nil {
		return "", false, err
	}
	made := pingone.NewSecret(secret).Fingerprint()
	return fmt.Sprintf("PingOne made %s, which is stored nowhere; AWSCURRENT is still %s, which PingOne keeps", made, before), made != before, nil
}

func (r *run) recover(ctx context.Context) (string, bool, error) {
	secret, _, err := r.PingOne.Holds(ctx, r.local.app.ID)
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
	return found, report.Outcome == rotation.Ended && len(dead) > 0, nil
}
