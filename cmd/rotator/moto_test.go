package main_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pingrotate/internal/fault"
	"pingrotate/internal/registertest"
	"pingrotate/internal/runtimetest"
	"pingrotate/pingone/pingonetest"
)

// A motoSecret is a secret in a moto server.
type motoSecret struct {
	*secretsmanager.Client
	t    *testing.T
	name string
}

// newMotoSecret stores the document under a name that is new to the server.
func newMotoSecret(t *testing.T, url, document string) *motoSecret {
	t.Helper()
	s := &motoSecret{t: t, name: "moto/" + rand.Text(), Client: secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: &url,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("stand-in", "stand-in", ""),
	})}
	if _, err := s.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &s.name, SecretString: &document}); err != nil {
		t.Fatal(err)
	}
	return s
}

// begin makes moto register the empty version that a rotation fills. moto has no function
// to call, so it refuses before the steps, but it leaves the version pending and rotation
// enabled, as the steps expect.
func (s *motoSecret) begin(token string) {
	s.t.Helper()
	_, err := s.RotateSecret(s.t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &s.name, ClientRequestToken: &token, RotationLambdaARN: aws.String(runtimetest.FunctionARN),
		RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		s.t.Fatalf("got %v, want moto to miss the function", err)
	}
}

// labelled returns the client secret of the version with the label, and the version's id.
// The label is always given, because moto's default is no longer AWSCURRENT once that has
// moved.
func (s *motoSecret) labelled(label string) (secret, version string) {
	s.t.Helper()
	out, err := s.GetSecretValue(s.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &s.name, VersionStage: &label})
	if err != nil {
		s.t.Fatal(err)
	}
	var d struct{ ClientSecret string }
	if err := json.Unmarshal([]byte(*out.SecretString), &d); err != nil {
		s.t.Fatal(err)
	}
	return d.ClientSecret, *out.VersionId
}

// attempt makes Secrets Manager's four calls, up to the first that fails.
func (s *motoSecret) attempt(f *runtimetest.Function, token string) error {
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		event, err := json.Marshal(map[string]string{"Step": step, "SecretId": s.name, "ClientRequestToken": token})
		if err != nil {
			return err
		}
		if _, err := f.Invoke(s.t.Context(), event); err != nil {
			return err
		}
	}
	return nil
}

// A Secrets Manager that others wrote: the program and our stand-in cannot both be wrong in
// the same way.
func TestTheProgramRotatesASecretInMoto(t *testing.T) {
	url := os.Getenv("MOTO_URL")
	if url == "" {
		t.Skip("needs a moto server whose URL is in MOTO_URL; .ci/moto runs one")
	}
	for _, tt := range []struct {
		name      string
		killed    bool
		processes int
	}{
		{"undisturbed", false, 1},
		{"killed after the mint", true, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ping, out := pingonetest.Run(quiet{t}), new(output)
			admin := ping.AddApplication(pingonetest.Application{Name: "admin", Roles: roles("Environment Admin")})
			app := ping.AddApplication(pingonetest.Application{Name: shop, Roles: roles("Identity Data Admin")})
			secret := newMotoSecret(t, url, document(app))
			table := registertest.Run(quiet{t})
			table.Follow(time.Now)
			table.CreateTable(tableName, "subject", "entry", "expires")
			know(table, app)
			f, err := runtimetest.Start(t.Context(), runtimetest.Config{Program: program, Output: out, Env: []string{
				"PINGONE_ADMIN_SECRET_ID=" + newMotoSecret(t, url, allowing(document(admin), entry(secret.name, app))).name,
				"PINGONE_API_URL=" + ping.URL(),
				"PINGONE_AUTH_URL=" + ping.URL(),
				"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + url,
				"AWS_ENDPOINT_URL_DYNAMODB=" + table.URL(),
				"REGISTER_TABLE=" + tableName,
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if tt.killed {
				ping.After(func(c fault.Call, _ fault.Kind) {
					if c.Operation == pingonetest.OpRegenerateSecret {
						f.Kill()
					}
				})
			}

			const token = "11111111-1111-4111-8111-111111111111"
			_, old := secret.labelled("AWSCURRENT")
			secret.begin(token)
			err = secret.attempt(f, token)
			if _, exited := errors.AsType[*runtimetest.ExitError](err); exited && tt.killed {
				table.Age(tableName, time.Minute)
				err = secret.attempt(f, token)
			}
			if err != nil {
				t.Fatalf("rotate: %v\n%s", err, out)
			}
			// Secrets Manager may have missed the success, and calls again.
			if err := secret.attempt(f, token); err != nil {
				t.Fatalf("rotate again: %v\n%s", err, out)
			}

			value, version := secret.labelled("AWSCURRENT")
			_, previous := secret.labelled("AWSPREVIOUS")
			check(t, "AWSCURRENT", version, token)
			check(t, "AWSPREVIOUS", previous, old)
			check(t, "AWSCURRENT is PingOne's", value == ping.Secret(app.Environment, app.ID).Value, true)
			check(t, "mints", ping.Mints(app.Environment, app.ID), 1)
			check(t, "the replaced secret works", ping.Authenticates(app.Environment, app.ClientID, app.Secret), true)
			check(t, "processes", f.Starts(), tt.processes)
			f.Close()
			noLeak(t, out.String(), ping.Issued()...)
		})
	}
}
