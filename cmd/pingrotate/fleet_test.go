package main

import (
	"strings"
	"testing"

	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// TestEmergencyOfAllDoesNotEndWellWithoutASecretThatIsTurnedOff cancels the rotation of
// one of two secrets. An ordinary campaign leaves it out and says so; an emergency that
// leaves it out has not ended its leak.
func TestEmergencyOfAllDoesNotEndWellWithoutASecretThatIsTurnedOff(t *testing.T) {
	d := deploy(t, answered)
	billing := d.Document(d.Add("billing", "Identity Data Admin"))
	d.Secrets.Put(playground.BillingSecret, billing)
	if err := d.Serve(playground.BillingSecret, billing); err != nil {
		t.Fatal(err)
	}
	d.Secrets.EnableRotation(playground.BillingSecret, runtimetest.FunctionARN)
	client := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(d.World.Endpoints().SecretsManager), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "made-up", ""),
	})
	if _, err := client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String(playground.BillingSecret)}); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": operatorKey, "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": "us-east-1",
		"AWS_ENDPOINT_URL_LAMBDA": d.cloud.URL(), "AWS_ENDPOINT_URL_STS": d.cloud.URL(),
	} {
		t.Setenv(name, value)
	}
	for _, args := range [][]string{{"rotate", "--all", "--yes"}, {"rotate", "--all", "--yes", "--emergency", "swift"}} {
		p, said := quietly(aws.Config{})
		root := newRoot(p)
		root.SetArgs(args)
		err := root.ExecuteContext(t.Context())
		if want := "left out, because their rotation is turned off: " + playground.BillingSecret; !strings.Contains(said.String(), want) {
			t.Errorf("%q: got %q, want %q in it", args, said, want)
		}
		switch emergency := len(args) > 3; {
		case !emergency && err != nil:
			t.Errorf("%q: got %v, want it done", args, err)
		case emergency && (err == nil || !strings.Contains(err.Error(), "THE LEAKED SECRET MAY STILL WORK of what was left out: "+playground.BillingSecret)):
			t.Errorf("%q: got %v, want an error that names what was left out", args, err)
		}
	}
}
