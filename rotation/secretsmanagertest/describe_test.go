package secretsmanagertest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pingrotate/rotation/secretsmanagertest"
)

// listed returns the secret as ListSecrets shows it.
func listed(t *testing.T, c *sm.Client) types.SecretListEntry {
	t.Helper()
	out := ok[*sm.ListSecretsOutput](t)(c.ListSecrets(t.Context(), &sm.ListSecretsInput{}))
	if len(out.SecretList) != 1 {
		t.Fatalf("got %d secrets, want one", len(out.SecretList))
	}
	return out.SecretList[0]
}

// replicas returns each replica's state, and the service's message about it.
func replicas(t *testing.T, c *sm.Client) (all []string) {
	t.Helper()
	for _, r := range describe(t, c).ReplicationStatus {
		all = append(all, fmt.Sprintf("%s %s %s", *r.Region, r.Status, aws.ToString(r.StatusMessage)))
	}
	return all
}

func wantReplicas(t *testing.T, c *sm.Client, want ...string) {
	t.Helper()
	if got := replicas(t, c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got replicas %q, want %q", got, want)
	}
}

func TestS29ReplicasAreDescribed(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	if d, l := describe(t, c), listed(t, c); d.PrimaryRegion != nil || d.ReplicationStatus != nil || l.PrimaryRegion != nil {
		t.Errorf("got %v, %v, %v without replicas, want nothing", d.PrimaryRegion, d.ReplicationStatus, l.PrimaryRegion)
	}
	s.SetReplica(name, "eu-west-3", secretsmanagertest.InSync)
	s.SetReplica(s.ARN(name), "eu-west-1", secretsmanagertest.InProgress)
	wantReplicas(t, c, "eu-west-1 InProgress ", "eu-west-3 InSync Replication succeeded")
	s.SetReplica(name, "eu-west-1", secretsmanagertest.Failed)
	wantReplicas(t, c, "eu-west-1 Failed Secret with this name already exists in this region", "eu-west-3 InSync Replication succeeded")
	d, l := describe(t, c), listed(t, c)
	if got := aws.ToString(d.PrimaryRegion); got != "us-east-1" || aws.ToString(l.PrimaryRegion) != got {
		t.Errorf("got primary region %s, and %s in the list, want us-east-1", got, aws.ToString(l.PrimaryRegion))
	}
	if r := d.ReplicationStatus[0]; aws.ToString(r.KmsKeyId) != "alias/aws/secretsmanager" || r.LastAccessedDate != nil {
		t.Errorf("got key %v and access %v, want the service's own key, and none", aws.ToString(r.KmsKeyId), r.LastAccessedDate)
	}
}

func TestS30ReplicasLagBehindWrites(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	s.SetReplica(name, "eu-west-3", secretsmanagertest.InSync)
	s.SetReplica(name, "eu-west-1", secretsmanagertest.Failed)
	const failed, behind, caughtUp = "eu-west-1 Failed Secret with this name already exists in this region", "eu-west-3 InProgress ", "eu-west-3 InSync Replication succeeded"
	must(t, put(t, c, token1, "v1", awsPending))
	wantReplicas(t, c, failed, caughtUp) // at once, unless the test says otherwise

	s.LagReplicas(3 * time.Second)
	must(t, put(t, c, token2, "v2", "mine"))
	wantReplicas(t, c, failed, behind)
	s.Advance(2 * time.Second)
	must(t, move(t, c, awsCurrent, s.VersionID(name, awsCurrent), token1))
	s.Advance(2 * time.Second) // four since the value, two since the label
	wantReplicas(t, c, failed, behind)
	s.Advance(time.Second)
	wantReplicas(t, c, failed, caughtUp)
}

func TestS31EachChangeIsDated(t *testing.T) {
	s, c := start(t)
	s.AddFunction(function, honest(c))
	s.Put(name, "v0")
	s.EnableRotation(name, function)
	old := s.VersionID(name, awsCurrent)
	for _, change := range []struct {
		what string
		do   func() error
	}{
		{"a value", func() error { return put(t, c, token1, "v1", awsPending) }},
		{"AWSCURRENT moves", func() error { return move(t, c, awsCurrent, old, token1) }},
		{"another label appears", func() error { return move(t, c, "COMPROMISED", "", old) }},
		{"and goes", func() error { return move(t, c, "COMPROMISED", old, "") }},
		{"a rotation", func() error { return s.Rotate(t.Context(), name) }},
		{"a test of the settings", func() error { return s.TestOnly(t.Context(), name) }},
		{"a tag", func() error {
			_, err := c.TagResource(t.Context(), &sm.TagResourceInput{SecretId: aws.String(name), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
			return err
		}},
		{"no more rotation", func() error {
			_, err := c.CancelRotateSecret(t.Context(), &sm.CancelRotateSecretInput{SecretId: aws.String(name)})
			return err
		}},
		{"a replica", func() error { s.SetReplica(name, "eu-west-1", secretsmanagertest.InSync); return nil }},
		{"deletion", func() error {
			_, err := c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String(name)})
			return err
		}},
	} {
		s.Advance(time.Minute)
		must(t, change.do())
		changed := s.Now()
		s.Advance(time.Minute)
		if got := describe(t, c).LastChangedDate; got == nil || !got.Equal(changed) {
			t.Errorf("%s: got LastChangedDate %v, want %v", change.what, got, changed)
		}
	}
	s.Put("other", "v0")
	before := s.Now()
	s.Advance(time.Minute)
	ok[*sm.GetSecretValueOutput](t)(c.GetSecretValue(t.Context(), &sm.GetSecretValueInput{SecretId: aws.String("other")}))
	d := ok[*sm.DescribeSecretOutput](t)(c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String("other")}))
	if !d.LastChangedDate.Equal(before) {
		t.Errorf("got LastChangedDate %v after a read, want %v", d.LastChangedDate, before)
	}
}

func TestS32AccessIsDatedByTheDay(t *testing.T) {
	s, c := start(t)
	s.SetTime(time.Date(2026, 3, 10, 23, 59, 0, 0, time.UTC))
	s.Put(name, "v0")
	if got := describe(t, c).LastAccessedDate; got != nil {
		t.Errorf("got access %v before any, want none", got)
	}
	for _, day := range []int{10, 11} {
		if _, err := get(t, c, "", ""); err != nil {
			t.Fatal(err)
		}
		want := time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC)
		if d, l := describe(t, c), listed(t, c); !aws.ToTime(d.LastAccessedDate).Equal(want) || !aws.ToTime(l.LastAccessedDate).Equal(want) {
			t.Errorf("got access %v, and %v in the list, want %v", d.LastAccessedDate, l.LastAccessedDate, want)
		}
		s.Advance(2 * time.Minute)
	}
}

func TestS33TheListShowsWhatDescribeDoes(t *testing.T) {
	s, c := start(t)
	s.AddFunction(function, honest(c))
	_, err := c.CreateSecret(t.Context(), &sm.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String("v0"), Description: aws.String("d"), KmsKeyId: aws.String("alias/mine"),
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})
	must(t, err)
	s.Advance(time.Hour)
	must(t, rotate(t, c, func(in *sm.RotateSecretInput) {
		in.RotationLambdaARN, in.RotationRules = aws.String(function), &types.RotationRulesType{ScheduleExpression: aws.String("rate(10 days)"), Duration: aws.String("3h")}
	}))
	s.Wait()
	s.SetReplica(name, "us-west-2", secretsmanagertest.InSync)
	d, l := describe(t, c), listed(t, c)
	for what, pair := range map[string][2]any{
		"ARN":               {d.ARN, l.ARN},
		"Name":              {d.Name, l.Name},
		"Description":       {d.Description, l.Description},
		"KmsKeyId":          {d.KmsKeyId, l.KmsKeyId},
		"RotationEnabled":   {d.RotationEnabled, l.RotationEnabled},
		"RotationLambdaARN": {d.RotationLambdaARN, l.RotationLambdaARN},
		"RotationRules":     {d.RotationRules, l.RotationRules},
		"LastRotatedDate":   {d.LastRotatedDate, l.LastRotatedDate},
		"LastChangedDate":   {d.LastChangedDate, l.LastChangedDate},
		"NextRotationDate":  {d.NextRotationDate, l.NextRotationDate},
		"CreatedDate":       {d.CreatedDate, l.CreatedDate},
		"PrimaryRegion":     {d.PrimaryRegion, l.PrimaryRegion},
		"Tags":              {d.Tags, l.Tags},
		"labels":            {d.VersionIdsToStages, l.SecretVersionsToStages},
	} {
		described, inList := asJSON(t, pair[0]), asJSON(t, pair[1])
		if described != inList || described == "null" {
			t.Errorf("%s: got %s in the list, want %s, and something", what, inList, described)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}
