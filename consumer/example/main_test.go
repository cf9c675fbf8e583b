package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/canary"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"
)

// A service is the program, running in this process.
type service struct {
	url   string
	lines *bufio.Scanner
	log   strings.Builder
	ended chan error
}

// next returns the next line of the log.
func (s *service) next(t *testing.T) map[string]any {
	t.Helper()
	if !s.lines.Scan() {
		t.Fatalf("the log has ended: %v", s.lines.Err())
	}
	s.log.WriteString(s.lines.Text() + "\n")
	var line map[string]any
	if err := json.Unmarshal(s.lines.Bytes(), &line); err != nil {
		t.Fatalf("%s: %v", s.lines.Text(), err)
	}
	return line
}

// until reads the log up to a message, and returns its line.
func (s *service) until(t *testing.T, message string) map[string]any {
	t.Helper()
	for {
		if line := s.next(t); line["msg"] == message {
			return line
		}
	}
}

func start(ctx context.Context, t *testing.T, env map[string]string) *service {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { r.Close() })
	s := &service{lines: bufio.NewScanner(r), ended: make(chan error, 1)}
	go func() {
		err := run(ctx, func(name string) string { return env[name] }, w)
		w.Close()
		s.ended <- err
	}()
	s.url = fmt.Sprint("http://", s.until(t, "listening")["address"])
	return s
}

func TestTheServiceCallsTheAPIThroughAReplacement(t *testing.T) {
	ping, sm := pingonetest.Run(t), secretsmanagertest.Run(t)
	ping.Follow(time.Now)
	app := ping.AddApplication(pingonetest.Application{Roles: []pingonetest.RoleAssignment{{Role: "Environment Admin"}}, TokenTTL: 1})
	store := func(secret string) {
		sm.Put("pingone/orders-api", fmt.Sprintf(`{"environmentId": %q, "region": "NA", "clientId": %q, "clientSecret": %q}`,
			app.Environment, app.ClientID, secret))
	}
	store(app.Secret)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": sm.URL(),
		"AWS_ACCESS_KEY_ID":                "sandbox",
		"AWS_SECRET_ACCESS_KEY":            "sandbox",
		"AWS_REGION":                       "us-east-1",
		"AWS_CONFIG_FILE":                  "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE":      "/dev/null",
	} {
		t.Setenv(name, value)
	}
	ctx, stop := context.WithCancel(t.Context())
	s := start(ctx, t, map[string]string{
		"PINGONE_SECRET_ID": "pingone/orders-api",
		"API_URL":           ping.URL() + "/v1/environments/" + app.Environment + "/applications/" + app.ID,
		"PINGONE_AUTH_URL":  ping.URL(),
		"LISTEN":            "127.0.0.1:0",
		"LOG_LEVEL":         "debug",
	})

	// Tokens expire at once, so each request needs the secret. The API refuses such a
	// token; all that counts is that there was one.
	get := func() {
		t.Helper()
		done := make(chan error, 1)
		go func() {
			resp, err := http.Get(s.url)
			if err == nil {
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					err = fmt.Errorf("the service answered %s", resp.Status)
				}
			}
			done <- err
		}()
		if line := s.until(t, "API called"); line["status"] == nil {
			t.Errorf("got %v, want a line with the API's status", line)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	get()
	store(ping.Regenerate(app.Environment, app.ID, 0))
	get()

	stop()
	s.until(t, "stopped")
	if err := <-s.ended; err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
	for _, word := range []string{"secret refused", "secret read: it has changed"} {
		if !strings.Contains(s.log.String(), word) {
			t.Errorf("the log lacks %q\n%s", word, s.log.String())
		}
	}
	for _, secret := range ping.Issued() {
		if canary.In(s.log.String(), secret) {
			t.Error("a secret or a token has reached the log")
		}
	}
}

func TestASettingThatIsWrongIsNamed(t *testing.T) {
	good := map[string]string{"PINGONE_SECRET_ID": "pingone/orders-api", "API_URL": "https://api.example/"}
	for name, value := range map[string]string{
		"PINGONE_SECRET_ID": "",
		"API_URL":           "api.example",
		"SECRET_MAX_AGE":    "5",
		"RENEW_EVERY":       "-30s",
		"LOG_LEVEL":         "loud",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSettings(func(n string) string {
				if n == name {
					return value
				}
				return good[n]
			})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want an error that names the variable", err)
			}
		})
	}
}
