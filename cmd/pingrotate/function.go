package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"pingrotate/internal/runtimetest"
)

// findRotator returns the program of the Lambda function: the one at the path
// given, or else one that is built into the directory.
func findRotator(ctx context.Context, path, dir string) (string, error) {
	if path != "" {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return "", fmt.Errorf("find the function: %w; build it with make build, or leave --rotator out", err)
		case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
			return "", fmt.Errorf("find the function: %s is not a program; build it with make build, or leave --rotator out", path)
		}
		return path, nil
	}
	program := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "pingrotate/cmd/rotator")
	if out, err := build.CombinedOutput(); err != nil {
		why := strings.TrimSpace(string(out))
		if why == "" {
			why = err.Error()
		}
		return "", fmt.Errorf("build the function: %s; run this inside the module pingrotate, or name the built program with --rotator", why)
	}
	return program, nil
}

// A function is the Lambda function as a process of its own.
type function struct {
	*runtimetest.Function
	log *functionLog
}

// startFunction starts it. What it logs about a step goes to tell or, without that,
// to the caller of invoke.
func startFunction(ctx context.Context, program string, s *standIns, tell func(step)) (*function, error) {
	log := &functionLog{tell: tell, steps: make(chan step, 16)}
	f, err := runtimetest.Start(ctx, runtimetest.Config{
		Program: program,
		Env: []string{
			"PINGONE_ADMIN_SECRET_ID=" + adminSecret,
			"PINGONE_API_URL=" + s.pingOneURL(),
			"PINGONE_AUTH_URL=" + s.pingOneURL(),
			"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + s.secretsURL(),
		},
		Output: log,
	})
	if err != nil {
		return nil, fmt.Errorf("%w; --rotator must name the program of cmd/rotator, built for this machine", err)
	}
	return &function{f, log}, nil
}

// A step is one step of a rotation as the function's own log line tells it. Of a
// process that died there is no line, but the way it ended.
type step struct {
	Step          string    `json:"step"`
	Decision      string    `json:"decision,omitempty"`
	Current       string    `json:"current,omitempty"` // fingerprint
	Pending       string    `json:"pending,omitempty"` // fingerprint
	PreviousUntil time.Time `json:"previousUntil,omitzero"`
	Verified      string    `json:"verified,omitempty"`
	Warning       string    `json:"warning,omitempty"`
	Error         string    `json:"error,omitempty"`
	Ended         string    `json:"ended,omitempty"` // "signal: killed"
	DurationMs    int64     `json:"durationMs,omitempty"`
	Calls         struct {
		SecretsManager int `json:"secretsManager"`
		PingOne        int `json:"pingOne"`
	} `json:"calls,omitzero"`
}

func stepOf(event []byte) string {
	var e struct{ Step string }
	json.Unmarshal(event, &e) // the stand-in made it
	return e.Step
}

// invoke hands the event to the function and returns what it logged about it.
func (f *function) invoke(ctx context.Context, event []byte) (step, error) {
	asked := stepOf(event)
	_, err := f.Invoke(ctx, event)
	if exit, ok := errors.AsType[*runtimetest.ExitError](err); ok {
		return step{Step: asked, Ended: exit.Status}, err
	}
	if _, ok := errors.AsType[*runtimetest.FunctionError](err); err != nil && !ok {
		return step{Step: asked, Error: err.Error()}, err
	}
	// The line was written before the answer, but goes through a pipe.
	late := time.NewTimer(5 * time.Second)
	defer late.Stop()
	select {
	case s := <-f.log.steps:
		return s, err
	case <-late.C:
		return step{Step: asked}, errors.Join(err, errors.New("the function logged nothing about "+asked))
	}
}

// A functionLog keeps what the function writes, and decodes the lines about steps.
type functionLog struct {
	tell  func(step)
	steps chan step // without tell

	mu    sync.Mutex
	text  []byte
	whole []logLine // of the text, without the last line while it is being written
	lines int       // bytes of text that are in whole
}

// A logLine is one line, and when it was written.
type logLine struct {
	at   time.Time
	text string
}

func (l *functionLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	for {
		line, _, whole := bytes.Cut(l.text[l.lines:], []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.lines += len(line) + 1
		l.whole = append(l.whole, logLine{time.Now(), string(line)})
		var s step
		switch {
		case json.Unmarshal(line, &s) != nil || s.Step == "":
		case l.tell != nil:
			l.tell(s)
		default:
			select {
			case l.steps <- s:
			default: // nobody waits for it any more
			}
		}
	}
}

// written returns the lines so far.
func (l *functionLog) written() []logLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.whole)
}

func (l *functionLog) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
