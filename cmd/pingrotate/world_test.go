package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// A deployment is a function behind Lambda's API, with both services.
type deployment struct {
	*playground.World
	*program // with the function, which says what it has to say in said
	said     *bytes.Buffer
	cloud    *playground.Cloud
	call     campaign.Call // of the function, as the operator's commands call it
	limit    time.Duration // of an invocation; 0 for none
}

// deploy starts it. Each invocation goes through meet, which calls answer or not.
func deploy(t *testing.T, meet func(answer func() ([]byte, error)) ([]byte, error)) *deployment {
	t.Helper()
	w, err := playground.Start(playground.Free(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	for _, v := range w.Endpoints().Function() {
		t.Setenv(v.Name, v.Value)
	}
	cfg := aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "made-up", ""),
		BaseEndpoint: aws.String(w.Endpoints().SecretsManager),
	}
	own, _ := quietly(cfg)
	// The function waits by the services' clock, which passes at once.
	clock := clock{now: w.PingOne.Now, wait: func(ctx context.Context, d time.Duration) error {
		w.PingOne.Advance(d)
		w.Secrets.Advance(d)
		w.Register.Advance(d)
		return ctx.Err()
	}}
	function, err := newRotator(cfg, clock, runtimetest.FunctionARN, own.register(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	w.Secrets.AddFunction(runtimetest.FunctionARN, func(ctx context.Context, event []byte) error {
		_, err := function.Invoke(ctx, runtimetest.FunctionARN, event)
		return err
	})
	w.Secrets.EnableRotation(playground.OrdersSecret, runtimetest.FunctionARN)
	d := &deployment{World: w, cloud: &playground.Cloud{Show: func(string) {}, Lines: func() []playground.LogLine { return nil }}}
	d.cloud.Aliases = []string{rotation.OperateAlias}
	d.cloud.Invoke = func(ctx context.Context, qualifier string, event []byte) ([]byte, error) {
		return meet(func() ([]byte, error) {
			if d.limit > 0 {
				limited, cancel := context.WithTimeout(ctx, d.limit)
				defer cancel()
				ctx = limited
			}
			report, err := function.Invoke(ctx, strings.TrimSuffix(runtimetest.FunctionARN+":"+qualifier, ":"), event)
			if err != nil {
				return nil, &runtimetest.FunctionError{Type: "errorString", Message: err.Error()}
			}
			return json.Marshal(report)
		})
	}
	if err := d.cloud.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.cloud.Close)
	cfg.BaseEndpoint = aws.String(d.cloud.URL())
	d.program, d.said = quietly(cfg)
	d.call = deployed(d.cfg, defaultFunction)
	return d
}

func answered(answer func() ([]byte, error)) ([]byte, error) { return answer() }

// quietly returns a program with the account that writes where the test can read.
func quietly(cfg aws.Config) (*program, *bytes.Buffer) {
	said := new(bytes.Buffer)
	return &program{account: account{function: runtimetest.FunctionARN, cfg: cfg}, output: outputs(), out: io.Discard, err: said}, said
}

func rotateOrders() rotation.Action {
	return rotation.Action{Action: rotation.ActionRotate, SecretID: playground.OrdersSecret, ClientRequestToken: rotation.NewToken()}
}
