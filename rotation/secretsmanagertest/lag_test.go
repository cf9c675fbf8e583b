package secretsmanagertest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"pingrotate/internal/fault"
)

// inList returns the labels that ListSecrets shows of the secret, or nil if it does not
// list it.
func inList(t *testing.T, c *sm.Client) map[string][]string {
	t.Helper()
	out := ok[*sm.ListSecretsOutput](t)(c.ListSecrets(t.Context(), &sm.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)}))
	for _, s := range out.SecretList {
		if aws.ToString(s.Name) == name {
			return s.SecretVersionsToStages
		}
	}
	return nil
}

func TestS24EachReadLagsByTheClock(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	s.Advance(time.Hour)
	s.Lag(fault.Lagging(map[string]fault.Lag{
		"GetSecretValue": {Age: 3 * time.Second},
		"DescribeSecret": {Age: 5 * time.Second},
		"ListSecrets":    {Age: 5 * time.Minute},
	}))
	must(t, put(t, c, token1, "v1"))
	describe := func() map[string][]string {
		t.Helper()
		return ok[*sm.DescribeSecretOutput](t)(c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String(name)})).VersionIdsToStages
	}
	for _, row := range []struct {
		after                     time.Duration
		value, described, inLists string // the value, and the versions that bear AWSCURRENT
	}{
		{0, "v0", old, old},
		{3*time.Second - 1, "v0", old, old},
		{3 * time.Second, "v1", old, old},
		{5 * time.Second, "v1", token1, old},
		{5*time.Minute - 1, "v1", token1, old},
		{5 * time.Minute, "v1", token1, token1},
	} {
		start := s.Now()
		s.Advance(row.after)
		value, err := get(t, c, "", "")
		if value != row.value {
			t.Errorf("after %v: GetSecretValue: got %q, %v, want %q", row.after, value, err, row.value)
		}
		if got := describe(); !slices.Contains(got[row.described], awsCurrent) {
			t.Errorf("after %v: DescribeSecret: got %v, want %s on %s", row.after, got, awsCurrent, row.described)
		}
		if got := inList(t, c); !slices.Contains(got[row.inLists], awsCurrent) {
			t.Errorf("after %v: ListSecrets: got %v, want %s on %s", row.after, got, awsCurrent, row.inLists)
		}
		s.SetTime(start)
	}
	// A write sees the current state.
	refused(t, move(t, c, awsCurrent, old, token1), "InvalidParameterException", "")
}

func TestS24AReadMissesSoManyChanges(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	s.Put(name, "v1")
	must(t, put(t, c, token1, "v2"))
	for n, want := range []string{"v2", "v1", "v0", "v0"} {
		s.Lag(func(fault.Call) fault.Lag { return fault.Lag{Changes: n} })
		if got, err := get(t, c, "", ""); got != want {
			t.Errorf("%d changes behind: got %q, %v, want %q", n, got, err, want)
		}
	}
}

func TestS24ANewSecretIsNotListedForAWhile(t *testing.T) {
	s, c := start(t)
	s.Lag(fault.Lagging(map[string]fault.Lag{"ListSecrets": {Age: 5 * time.Minute}, "DescribeSecret": {Changes: 1}}))
	ok[*sm.CreateSecretOutput](t)(c.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: aws.String(name), SecretString: aws.String("v")}))
	if got := inList(t, c); got != nil {
		t.Errorf("got %v at once, want the secret not listed", got)
	}
	_, err := c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String(name)})
	refused(t, err, "ResourceNotFoundException", "")
	s.Advance(5 * time.Minute)
	if got := inList(t, c); len(got) != 1 {
		t.Errorf("got %v after five minutes, want one version", got)
	}
}

func TestAWriteArrivesLate(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	s.Fail("PutSecretValue", fault.LateUnavailable)
	if err := put(t, c, token1, "late"); err == nil {
		t.Error("got success for a write that has yet to arrive")
	}
	must(t, put(t, c, token2, "newer"))
	if n := s.Deliver(); n != 1 {
		t.Errorf("got %d delivered, want 1", n)
	}
	if got, _ := s.Value(name, awsCurrent); got != "late" {
		t.Errorf("got %q, want the late value over the newer one", got)
	}
}

func TestALateRotateSecretStartsItsRotation(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	steps := 0
	s.AddFunction(function, func(context.Context, []byte) error { steps++; return nil })
	s.EnableRotation(name, function)
	s.Fail("RotateSecret", fault.LateUnavailable)
	if _, err := c.RotateSecret(t.Context(), &sm.RotateSecretInput{SecretId: aws.String(name)}); err == nil {
		t.Error("got success for a rotation that has yet to start")
	}
	s.Wait()
	if steps != 0 {
		t.Errorf("got %d steps before the delivery", steps)
	}
	s.Deliver()
	s.Wait()
	if steps == 0 {
		t.Error("got no step after the delivery")
	}
}
