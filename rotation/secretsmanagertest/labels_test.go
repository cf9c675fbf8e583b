package secretsmanagertest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func TestS6SwitchesDecideWhatNoPageSays(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	must(t, put(t, c, token1, "v1", awsPending))
	must(t, move(t, c, awsCurrent, old, token1))
	s.RepeatLabels(true)
	must(t, move(t, c, awsCurrent, old, token1))
	must(t, move(t, c, awsPending, token1, ""))
	must(t, move(t, c, awsPending, token1, ""))
	refused(t, move(t, c, awsCurrent, token2, old), "InvalidParameterException", "RemoveFromVersionId")
	wantLabels(t, s, map[string][]string{old: {awsPrevious}, token1: {awsCurrent}})

	s.AddFunction(function, func(context.Context, []byte) error { return nil })
	s.EnableRotation(name, function)
	empty, err := s.Begin(name)
	must(t, err)
	s.RefuseEmpty(true)
	refused(t, move(t, c, "mine", "", empty), "ResourceNotFoundException", "VersionId: "+empty)
	s.RefuseEmpty(false)
	must(t, move(t, c, "mine", "", empty))
}

func TestS7PutWithoutLabelsTakesPendingOffTheVersionThatWasCurrent(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	must(t, put(t, c, token1, "v1", awsPending))
	must(t, move(t, c, awsCurrent, old, token1))
	wantLabels(t, s, map[string][]string{old: {awsPrevious}, token1: {awsCurrent, awsPending}})
	must(t, put(t, c, token2, "v2"))
	wantLabels(t, s, map[string][]string{token1: {awsPrevious}, token2: {awsCurrent}})
	// If labels are given, it stays; also on a version that was not current.
	must(t, move(t, c, awsPending, "", token2))
	must(t, put(t, c, strings.Repeat("3", 32), "v3", awsCurrent))
	wantLabels(t, s, map[string][]string{token2: {awsPending, awsPrevious}, strings.Repeat("3", 32): {awsCurrent}})
	must(t, put(t, c, strings.Repeat("4", 32), "v4"))
	wantLabels(t, s, map[string][]string{token2: {awsPending}, strings.Repeat("3", 32): {awsPrevious}, strings.Repeat("4", 32): {awsCurrent}})
}

func TestS34ASecretIdThatNoSecretCanHaveIsInvalid(t *testing.T) {
	_, c := start(t)
	bad := aws.String("two words")
	errs := map[string]error{}
	_, errs["describe"] = c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: bad})
	_, errs["get"] = c.GetSecretValue(t.Context(), &sm.GetSecretValueInput{SecretId: bad})
	_, errs["put"] = c.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: bad, SecretString: aws.String("v")})
	_, errs["list versions"] = c.ListSecretVersionIds(t.Context(), &sm.ListSecretVersionIdsInput{SecretId: bad})
	_, errs["move"] = c.UpdateSecretVersionStage(t.Context(), &sm.UpdateSecretVersionStageInput{SecretId: bad, VersionStage: aws.String("mine")})
	_, errs["rotate"] = c.RotateSecret(t.Context(), &sm.RotateSecretInput{SecretId: bad})
	_, errs["cancel"] = c.CancelRotateSecret(t.Context(), &sm.CancelRotateSecretInput{SecretId: bad})
	_, errs["tag"] = c.TagResource(t.Context(), &sm.TagResourceInput{SecretId: bad, Tags: []types.Tag{}})
	_, errs["delete"] = c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: bad})
	for operation, err := range errs {
		t.Run(operation, func(t *testing.T) { refused(t, err, "ValidationException", "Invalid name.") })
	}
}

func TestS26ForceDeletesWhatIsNotThereOrScheduled(t *testing.T) {
	s, c := start(t)
	force := &sm.DeleteSecretInput{SecretId: aws.String(name), ForceDeleteWithoutRecovery: aws.Bool(true)}
	out := ok[*sm.DeleteSecretOutput](t)(c.DeleteSecret(t.Context(), force))
	if aws.ToString(out.Name) != name || out.DeletionDate == nil {
		t.Errorf("got %v, want the name and a date for a secret that is not there", out)
	}
	s.Put(name, "v0")
	ok[*sm.DeleteSecretOutput](t)(c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String(name)}))
	ok[*sm.DeleteSecretOutput](t)(c.DeleteSecret(t.Context(), force))
	_, err := c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String(name)})
	refused(t, err, "ResourceNotFoundException", "")
}
