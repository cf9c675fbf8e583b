package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/rogpeppe/go-internal/testscript"
)

// What people do in a script with other programs than pingrotate.

// people are the commands of scripts.
func people(all map[string]func(*testscript.TestScript, bool, []string)) map[string]func(*testscript.TestScript, bool, []string) {
	all["store"] = func(ts *testscript.TestScript, _ bool, args []string) {
		s := personOf(ts)
		s.store(args[0], ts.ReadFile(args[1]))
	}
	all["copy"] = func(ts *testscript.TestScript, _ bool, args []string) {
		s := personOf(ts)
		s.store(args[1], encoded(ts, s.document(args[0])))
	}
	all["resource"] = func(ts *testscript.TestScript, _ bool, args []string) {
		s := personOf(ts)
		s.resource(args[0])
	}
	all["admin"] = func(ts *testscript.TestScript, _ bool, args []string) {
		s := personOf(ts)
		s.admin(args[0])
	}
	return all
}

// A person has rights on both services of a sandbox.
type person struct {
	ts      *testscript.TestScript
	secrets *secretsmanager.Client
	host    string
}

func personOf(ts *testscript.TestScript) *person {
	host := ts.Getenv("HOST")
	return &person{ts, secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String("http://" + host + ":" + playground.SecretsManagerPort), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	}), host}
}

// allow has the sandbox's admin serve a secret.
func (p *person) allow(entry string) {
	d := p.document(playground.AdminSecret)
	all, _ := d["allow"].([]any)
	d["allow"] = append(all, json.RawMessage(entry))
	p.put(playground.AdminSecret, encoded(p.ts, d))
}

func (p *person) put(name, text string) {
	_, err := p.secrets.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &text})
	p.ts.Check(err)
}

// store stores a secret that the admin serves, and attaches it.
func (p *person) store(name, text string) {
	ctx := context.Background()
	if d, err := rotation.ParseDocument(text); err == nil {
		p.allow(rotation.EntryFor(name, d))
	}
	_, err := p.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text})
	if err == nil {
		_, err = p.secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &name, RotationLambdaARN: aws.String(runtimetest.FunctionARN), RotateImmediately: aws.Bool(false)})
	}
	p.ts.Check(err)
}

func (p *person) document(name string) (d map[string]any) {
	out, err := p.secrets.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	p.ts.Check(err)
	p.ts.Check(json.Unmarshal([]byte(*out.SecretString), &d))
	return d
}

// pingOne acts as the sandbox's admin.
func (p *person) pingOne() (c *pingone.Client, environment string) {
	d := p.document(playground.AdminSecret)
	environment, _ = d["environmentId"].(string)
	id, _ := d["clientId"].(string)
	secret, _ := d["clientSecret"].(string)
	at := "http://" + p.host + ":" + playground.PingOnePort
	return &pingone.Client{Admin: pingone.Credential{
		Environment: pingone.Environment{ID: environment, API: at, Auth: at + "/" + environment},
		ClientID:    id, Secret: pingone.NewSecret(secret), Method: pingone.ClientSecretBasic,
	}}, environment
}

// resource makes a custom resource, and a managed secret of it.
func (p *person) resource(name string) {
	c, environment := p.pingOne()
	r, err := c.CreateResource(context.Background(), environment, "shipments", "", "https://shipments.example")
	p.ts.Check(err)
	p.store(name, encoded(p.ts, map[string]any{
		"environmentId": environment, "region": "NA", "clientId": r.ID, "rotation": map[string]any{"kind": "resource"},
	}))
}

// admin makes another admin, which rotates the function's own.
func (p *person) admin(name string) {
	environment, _ := p.document(playground.AdminSecret)["environmentId"].(string)
	var roles []string
	args := []string{"new", "--secret", name, "--preset", "non-interactive-worker", "--name", "root", "--environment", environment, "--pingone-region", "NA"}
	for _, role := range []string{"Client Application Developer", "Environment Admin", "Identity Data Admin"} {
		roles = append(roles, fmt.Sprintf(`{"role": %q, "scope": %q}`, role, environment))
		args = append(args, "--role", role)
	}
	p.allow(fmt.Sprintf(`{"secret": %q, "environmentId": %q, "applications": "marked", "configure": {"create": true, "roles": [%s]}}`, name, environment, strings.Join(roles, ", ")))
	p.ts.Check(p.ts.Exec("pingrotate", args...))

	root := p.document(name)
	own, err := rotation.ParseDocument(encoded(p.ts, root))
	p.ts.Check(err)
	p.allow(rotation.EntryFor(name, own))
	d := p.document(playground.AdminSecret)
	d["rotation"] = map[string]any{"adminSecretId": name}
	text := encoded(p.ts, d)
	led, err := rotation.ParseDocument(text)
	p.ts.Check(err)
	root["allow"] = []any{json.RawMessage(rotation.EntryFor(playground.AdminSecret, led))}
	p.put(name, encoded(p.ts, root))
	p.put(playground.AdminSecret, text)
	_, err = p.secrets.RotateSecret(context.Background(), &secretsmanager.RotateSecretInput{
		SecretId: aws.String(playground.AdminSecret), RotationLambdaARN: aws.String(runtimetest.FunctionARN), RotateImmediately: aws.Bool(false),
	})
	p.ts.Check(err)
}

func encoded(ts *testscript.TestScript, d map[string]any) string {
	text, err := json.Marshal(d)
	ts.Check(err)
	return string(text)
}
