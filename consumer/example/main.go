// Command example is a small service that calls a protected API with access tokens, and
// keeps running through rotations of the secret with which it obtains them.
//
//	GET /    calls the API and returns its status
//
// Its settings are environment variables:
//
//	PINGONE_SECRET_ID     name or ARN of the secret in Secrets Manager
//	API_URL               the URL to call
//	LISTEN                where to listen, 127.0.0.1:8080 by default
//	PINGONE_AUTH_DOMAINS  custom domains that the stored document may name
//	PINGONE_AUTH_URL      replaces the region's auth host, for tests
//	SECRET_MAX_AGE        after how long the secret is read again, 5m by default
//	RENEW_EVERY           obtain a new token this often, at least 30s, to watch a rotation
//	LOG_LEVEL             debug shows each read and token
//
// and those of the AWS SDK. See docs/consumers.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"pingrotate/consumer"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, getenv func(string) string, stderr io.Writer) error {
	s, err := readSettings(getenv)
	if err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("read the AWS settings: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: s.level}))
	source := &consumer.Source{
		Secrets:     secretsmanager.NewFromConfig(cfg),
		SecretID:    s.secretID,
		MaxAge:      s.maxAge,
		AuthDomains: s.authDomains,
		AuthURL:     s.authURL,
		Log:         log,
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler:           handler(source, s.apiURL, log),
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("listening", "address", listener.Addr().String(), "secretId", s.secretID, "api", s.apiURL)
	// This shows now what is wrong with the settings, and the first request need not wait.
	// A service that is briefly down is no reason not to start.
	if _, err := source.Token(ctx); err != nil {
		log.Error("no access token yet", "error", err.Error())
	}
	if s.renewEvery > 0 {
		go renew(ctx, source, s.renewEvery)
	}

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: no new requests")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("wait for the last requests: %w", err)
	}
	log.Info("stopped")
	return nil
}

type settings struct {
	secretID, apiURL, listen, authURL string
	authDomains                       []string
	maxAge, renewEvery                time.Duration
	level                             slog.Level
}

// readSettings reads the environment. The error names the variable.
func readSettings(getenv func(string) string) (s settings, err error) {
	s.secretID, s.apiURL, s.authURL = getenv("PINGONE_SECRET_ID"), getenv("API_URL"), getenv("PINGONE_AUTH_URL")
	s.authDomains = strings.FieldsFunc(getenv("PINGONE_AUTH_DOMAINS"), func(r rune) bool { return r == ',' || r == ' ' })
	if s.listen = getenv("LISTEN"); s.listen == "" {
		s.listen = "127.0.0.1:8080"
	}
	if s.secretID == "" {
		return s, errors.New("environment variable PINGONE_SECRET_ID: is missing; it names the secret in Secrets Manager")
	}
	if u, err := url.Parse(s.apiURL); err != nil || u.Host == "" || u.User != nil {
		return s, errors.New("environment variable API_URL: must be the URL to call, such as https://api.pingone.eu/v1/environments/…/populations")
	}
	for name, d := range map[string]*time.Duration{"SECRET_MAX_AGE": &s.maxAge, "RENEW_EVERY": &s.renewEvery} {
		if value := getenv(name); value != "" {
			if *d, err = time.ParseDuration(value); err != nil || *d <= 0 {
				return s, fmt.Errorf("environment variable %s: must be a duration, such as 30s", name)
			}
		}
	}
	if value := getenv("LOG_LEVEL"); value != "" && s.level.UnmarshalText([]byte(value)) != nil {
		return s, errors.New("environment variable LOG_LEVEL: must be debug, info, warn or error")
	}
	return s, nil
}

// handler calls the API once for each request to the service.
func handler(source *consumer.Source, apiURL string, log *slog.Logger) http.Handler {
	client := &http.Client{Transport: &consumer.Transport{Source: source}, Timeout: 35 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		status, err := call(r.Context(), client, apiURL)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			log.Error("API not called", "error", err.Error())
			w.WriteHeader(http.StatusBadGateway)
			json.NewEncoder(w).Encode(map[string]string{"error": "the API could not be called; the log says why"})
			return
		}
		log.Info("API called", "status", status, "durationMs", time.Since(begun).Milliseconds())
		json.NewEncoder(w).Encode(map[string]int{"status": status})
	})
	return mux
}

func call(ctx context.Context, client *http.Client, apiURL string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, apiURL, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, fmt.Errorf("read the API's reply: %w", err)
	}
	return resp.StatusCode, nil
}

// renew drops the token again and again, so that a rotation can be watched in less than an
// hour. No service needs that: tokens are renewed before they expire.
func renew(ctx context.Context, source *consumer.Source, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if token, err := source.Token(ctx); err == nil {
				source.Invalidate(token)
			}
		}
	}
}
