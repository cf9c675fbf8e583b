package main

import (
	"strings"
	"testing"

	"pingrotate/internal/fault"
	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// cancel turns the rotation of a secret off.
func (d *deployment) cancel(t *testing.T, name string) {
	t.Helper()
	client := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(d.World.Endpoints().SecretsManager), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "made-up", ""),
	})
	if _, err := client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &name}); err != nil {
		t.Fatal(err)
	}
}

// bill gives the world a second secret.
func (d *deployment) bill(t *testing.T) {
	t.Helper()
	app := d.Add("billing", "Identity Data Admin")
	text := d.Document(app)
	d.Secrets.Put(playground.BillingSecret, text)
	if err := d.Serve(playground.BillingSecret, text); err != nil {
		t.Fatal(err)
	}
	d.Secrets.EnableRotation(playground.BillingSecret, runtimetest.FunctionARN)
	if err := d.Know(app, d.Secrets.ARN(playground.BillingSecret)); err != nil {
		t.Fatal(err)
	}
}

// T32: what is turned off has leaked as the others did. An ordinary campaign leaves it out,
// and says so.
func TestEmergencyOfAllEndsASecretWhoseRotationIsTurnedOffToo(t *testing.T) {
	d := deploy(t, answered)
	d.bill(t)
	d.cancel(t, playground.BillingSecret)
	out, said, err := d.run(t, "rotate", "--all", "--yes", "-o", "json")
	if err != nil || !strings.Contains(said, "left out, because their rotation is turned off: "+playground.BillingSecret) || !strings.Contains(out, `"leftOut":["`+playground.BillingSecret+`"]`) {
		t.Errorf("got %v, %s and %s, want it left out", err, said, out)
	}
	out, _, err = d.run(t, "rotate", "--all", "--yes", "--emergency", "swift", "-o", "json")
	if err != nil || !strings.Contains(out, `"ended":2`) || strings.Contains(out, "leftOut") {
		t.Errorf("got %v and %s, want both ended", err, out)
	}
}

// A secret that an emergency campaign did not get to is named, and fails the command.
func TestEmergencyOfManyNamesWhatItDidNotGetTo(t *testing.T) {
	d := deploy(t, answered)
	d.bill(t)
	d.PingOne.Before(func(c fault.Call) fault.Kind {
		if c.Operation == "DELETE application secret" {
			return fault.Denied
		}
		return fault.None
	})
	for _, args := range [][]string{{"--all"}, {playground.BillingSecret, playground.OrdersSecret}} {
		args = append([]string{"rotate", "--emergency", "swift", "--yes", "--concurrency", "1"}, args...)
		out, _, err := d.run(t, append(args, "-o", "json")...)
		if err == nil || !strings.Contains(out, `"open":1,"failed":0,"left":1,"leftOut":["`+playground.OrdersSecret+`"]`) {
			t.Errorf("%q: got %v and %s, want the other one left out", args, err, out)
		}
		out, _, err = d.run(t, args...)
		if err == nil || !strings.Contains(out, "left out: "+playground.OrdersSecret) {
			t.Errorf("%q: got %v and %s, want the other one left out", args, err, out)
		}
	}
}
