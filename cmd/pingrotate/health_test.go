package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"
	"pingrotate/rotation"
)

func TestStatusAsksUntilEverySecretIsReached(t *testing.T) {
	invocations := 0
	d := deploy(t, func(answer func() ([]byte, error)) ([]byte, error) {
		invocations++
		return answer()
	})
	for n := range 9 {
		name := fmt.Sprintf("pingone/api-%d", n)
		text := d.Document(d.Add(name, "Identity Data Admin"))
		d.Secrets.Put(name, text)
		if err := d.Serve(name, text); err != nil {
			t.Fatal(err)
		}
		d.Secrets.EnableRotation(name, runtimetest.FunctionARN)
	}
	look := rotation.Action{Action: rotation.ActionAudit, ReadOnly: true}

	// An audit begins with no secret for which 30 s might not suffice, beside 2 s for
	// the report: so this is time for the first few.
	d.limit = 32*time.Second + 150*time.Millisecond
	d.PingOne.Latency(100 * time.Millisecond)
	all, err := d.auditAll(t.Context(), d.call, look)
	if err != nil || len(all) != 10 || invocations < 2 {
		t.Errorf("got %d secrets in %d invocations, error %v, want 10 in several", len(all), invocations, err)
	}

	d.limit = 20 * time.Second
	if all, err := d.auditAll(t.Context(), d.call, look); err == nil || !strings.Contains(err.Error(), "10 secrets were not reached") {
		t.Errorf("with a function that is too short: got %d secrets, error %v, want an error", len(all), err)
	}
}

// A person who has ended a rotation knows of that: it is told, and is no warning.
func TestStatusOfADetachedSecretSaysHowToAttachItAgain(t *testing.T) {
	d := deploy(t, answered)
	d.bill(t)
	d.cancel(t, playground.BillingSecret)
	out, said, err := d.run(t, "status", playground.BillingSecret)
	if err != nil {
		t.Fatalf("got %v: %s", err, said)
	}
	if !strings.Contains(out, "detached\n") || strings.Contains(out, "warning") {
		t.Errorf("got %s, want it to be detached, and no warning", out)
	}
	_, command, _ := strings.Cut(out, "to turn it on: pingrotate ")
	out, said, err = d.run(t, strings.Fields(command)...)
	if err != nil {
		t.Fatalf("pingrotate %s: %v\n%s%s", command, err, out, said)
	}
	if out, _, _ = d.run(t, "status", playground.BillingSecret); strings.Contains(out, "detached") || !strings.Contains(out, "in ") {
		t.Errorf("afterwards: got %s, want it to have a next rotation", out)
	}
}

func TestStatusNamesLabelsThatMeanSomething(t *testing.T) {
	for _, tt := range []struct{ pending, leaked, healed, want string }{
		{"", "", "", "-"},
		{"1", "", "", "-"},
		{"3", "", "", "AWSPENDING"},
		{"3", "2", "", "AWSPENDING COMPROMISED"},
		{"", "", "1", "-"},
		{"", "", "2", "PINGROTATE-HEAL"},
	} {
		all := map[string]string{"AWSCURRENT": "1", "AWSPREVIOUS": "2"}
		if tt.pending != "" {
			all["AWSPENDING"] = tt.pending
		}
		if tt.leaked != "" {
			all["COMPROMISED"] = tt.leaked
		}
		if tt.healed != "" {
			all["PINGROTATE-HEAL"] = tt.healed
		}
		if got := labels(all); got != tt.want {
			t.Errorf("%v: got %s, want %s", all, got, tt.want)
		}
	}
}
