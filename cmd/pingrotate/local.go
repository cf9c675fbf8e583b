package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/campaign"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// inProcess returns what carries actions out here, as the function would, with the
// credentials and the settings of this process. The log lines that the function would
// leave in CloudWatch go to log: there is no other record.
func inProcess(cfg aws.Config, clock clock, functionARN string, table *register.Table, log io.Writer) (campaign.Call, error) {
	rotator, err := newRotator(cfg, clock, functionARN, table, log)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, a rotation.Action) (json.RawMessage, error) {
		if !a.Preview && (a.Action == rotation.ActionRotate || a.Action == rotation.ActionRollback || a.Action == rotation.ActionEnd) {
			// As with the deployed function, Ctrl-C does not end what has begun: between a
			// mint and its store that would leave work for the next run.
			ctx = context.WithoutCancel(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, invocationLimit)
		defer cancel()
		event, err := json.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encode the action: %w", err)
		}
		report, err := rotator.Handle(ctx, event)
		if err != nil {
			return nil, err
		}
		return json.Marshal(report)
	}, nil
}

// newRotator makes what the function's program makes of its settings.
func newRotator(cfg aws.Config, clock clock, functionARN string, table *register.Table, log io.Writer) (*rotation.Rotator, error) {
	settings, err := rotation.ParseSettings(os.Getenv)
	if err != nil {
		return nil, err
	}
	return &rotation.Rotator{
		Secrets: secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) {
			o.HTTPClient = awsclient.Limited{HTTPClient: o.HTTPClient, Time: 5 * time.Second} // as the function does
		}),
		Register:    table,
		Settings:    settings,
		PingOne:     pingone.Client{Tokens: new(pingone.TokenCache), Now: clock.now, Wait: clock.wait},
		FunctionARN: functionARN,
		Log:         slog.New(slog.NewJSONHandler(log, nil)),
	}, nil
}

// openLog opens the file for the log lines of --local, and says where it is: the one
// that --log names, or else one of this user's, or of the system's temporary ones. They
// do not go to standard error, where they would stand between lines for people.
func (p *program) openLog() (*os.File, error) {
	if p.logFile != nil {
		return p.logFile, nil
	}
	var err error
	if p.log != "" {
		if p.logFile, err = appendTo(p.log); err != nil {
			return nil, remedy.Errorf("name another file with --log", "open the log: %w", err)
		}
		return p.logFile, nil
	}
	if dir := stateDirectory(); dir != "" && os.MkdirAll(dir, 0o700) == nil {
		p.logFile, _ = appendTo(filepath.Join(dir, "local.jsonl")) // or else a temporary one
	}
	if p.logFile == nil {
		if p.logFile, err = os.CreateTemp("", "pingrotate-*.jsonl"); err != nil {
			return nil, remedy.Errorf("name a file with --log", "open the log: %w", err)
		}
	}
	p.note("what is done here is logged in %s", p.logFile.Name())
	return p.logFile, nil
}

func appendTo(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// stateDirectory returns where this program keeps what it has done; "" if the user has
// no home. See the XDG Base Directory Specification.
func stateDirectory() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pingrotate")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "pingrotate")
}

func (p *program) close() {
	if p.logFile != nil {
		p.logFile.Close()
	}
}
