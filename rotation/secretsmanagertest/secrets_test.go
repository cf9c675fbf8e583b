package secretsmanagertest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func put(t *testing.T, c *sm.Client, token, text string, labels ...string) error {
	t.Helper()
	_, err := c.PutSecretValue(t.Context(), &sm.PutSecretValueInput{
		SecretId: aws.String(name), ClientRequestToken: aws.String(token), SecretString: aws.String(text), VersionStages: labels,
	})
	return err
}

// get reads by version id, by label, or by both; an empty string is left out.
func get(t *testing.T, c *sm.Client, id, label string) (string, error) {
	t.Helper()
	in := &sm.GetSecretValueInput{SecretId: aws.String(name)}
	if id != "" {
		in.VersionId = &id
	}
	if label != "" {
		in.VersionStage = &label
	}
	out, err := c.GetSecretValue(t.Context(), in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

func move(t *testing.T, c *sm.Client, label, from, to string) error {
	t.Helper()
	in := &sm.UpdateSecretVersionStageInput{SecretId: aws.String(name), VersionStage: &label}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	if to != "" {
		in.MoveToVersionId = &to
	}
	_, err := c.UpdateSecretVersionStage(t.Context(), in)
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got %v, want success", err)
	}
}

func TestS1RegisteredVersionHasNoValue(t *testing.T) {
	s, c := start(t)
	s.AddFunction(function, honest(c))
	s.Put(name, "v0")
	s.EnableRotation(name, function)
	token, err := s.Begin(name)
	must(t, err)
	wantLabels(t, s, map[string][]string{s.VersionID(name, awsCurrent): {awsCurrent}, token: {awsPending}})

	_, err = get(t, c, token, "")
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: "+token)
	_, err = get(t, c, token, awsPending)
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value")
	_, err = get(t, c, "", awsPending)
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSPENDING")

	t.Run("S2 the first Put fills it", func(t *testing.T) {
		must(t, put(t, c, token, "v1", awsPending))
		if got, err := get(t, c, token, awsPending); got != "v1" {
			t.Errorf("got %q, %v, want v1", got, err)
		}
	})
}

func TestS3PutIsIdempotentByToken(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	must(t, put(t, c, token1, "v1", awsPending))
	must(t, put(t, c, token1, "v1", awsCurrent)) // does nothing: the label does not move
	if got := s.VersionID(name, awsCurrent); got == token1 {
		t.Errorf("a repeated Put moved AWSCURRENT")
	}
	refused(t, put(t, c, token1, "other", awsPending), "ResourceExistsException", "You can't use ClientRequestToken "+token1)
	_, err := c.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: aws.String(name), ClientRequestToken: aws.String(token1), SecretBinary: []byte("v1")})
	refused(t, err, "ResourceExistsException", "")
	if got, _ := s.Value(name, awsPending); got != "v1" {
		t.Errorf("got %q, want v1", got)
	}
}

func TestS4PutWithoutLabelsPromotes(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	must(t, put(t, c, token1, "v1"))
	wantLabels(t, s, map[string][]string{old: {awsPrevious}, token1: {awsCurrent}})
}

func TestS5FirstVersionIsCurrent(t *testing.T) {
	s, c := start(t)
	s.Create(name)
	must(t, put(t, c, token1, "v1", awsPending))
	wantLabels(t, s, map[string][]string{token1: {awsCurrent, awsPending}})
}

func TestS6MoveNamesTheVersionThatLosesTheLabel(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	must(t, put(t, c, token1, "v1", awsPending))
	refused(t, move(t, c, awsCurrent, "", token1), "InvalidParameterException",
		"The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "+old)
	refused(t, move(t, c, awsCurrent, token1, token1), "InvalidParameterException",
		"When you move staging label AWSCURRENT, if you specify RemoveFromVersionId, it must be set to the version that currently has the staging label AWSCURRENT.")
	refused(t, move(t, c, awsCurrent, old, token2), "ResourceNotFoundException", "VersionId: "+token2)
	wantLabels(t, s, map[string][]string{old: {awsCurrent}, token1: {awsPending}})

	must(t, move(t, c, awsCurrent, old, token1))
	t.Run("S7 AWSPREVIOUS follows and AWSPENDING stays", func(t *testing.T) {
		wantLabels(t, s, map[string][]string{old: {awsPrevious}, token1: {awsCurrent, awsPending}})
	})
	refused(t, move(t, c, awsCurrent, old, token1), "InvalidParameterException", "RemoveFromVersionId")

	t.Run("S7 a rollback swaps them", func(t *testing.T) {
		must(t, move(t, c, awsCurrent, token1, old))
		wantLabels(t, s, map[string][]string{old: {awsCurrent}, token1: {awsPending, awsPrevious}})
	})
}

func TestS8LabelIsRemovedByNamingItsVersion(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	must(t, move(t, c, "COMPROMISED", "", old)) // a label that is nowhere needs no RemoveFromVersionId
	must(t, put(t, c, token1, "v1", awsPending))
	refused(t, move(t, c, awsPending, old, ""), "InvalidParameterException", "")
	refused(t, move(t, c, awsPending, "", ""), "InvalidParameterException", "")
	must(t, move(t, c, awsPending, token1, ""))
	refused(t, move(t, c, awsPending, token1, ""), "InvalidParameterException", "")
	refused(t, move(t, c, awsCurrent, old, ""), "InvalidParameterException", "You can only move staging label AWSCURRENT")
	wantLabels(t, s, map[string][]string{old: {awsCurrent, "COMPROMISED"}})
}

func TestS9AbsenceHasThreeForms(t *testing.T) {
	s, c := start(t)
	_, err := get(t, c, "", "")
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	s.Create(name)
	_, err = get(t, c, "", "")
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
	s.Put(name, "v0")
	_, err = get(t, c, s.VersionID(name, awsCurrent), awsPending)
	refused(t, err, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
	_, err = get(t, c, token2, "")
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: "+token2)
}

func TestS22HundredVersions(t *testing.T) {
	s, c := start(t)
	for range 100 {
		s.Put(name, "v")
	}
	refused(t, put(t, c, token1, "one too many"), "LimitExceededException", "")
	s.Advance(24*time.Hour + time.Second)
	must(t, put(t, c, token1, "room again"))
	if got, _ := s.Value(name, awsPrevious); got != "v" {
		t.Errorf("got previous %q, want a labelled version to survive", got)
	}
}

func TestS23PartialARN(t *testing.T) {
	for _, row := range []struct {
		name  string
		found bool
	}{
		{"plain/_+=.@-Name", true}, {"ends-a1b2", true}, {"ends-a1b2c3-", true}, {"ends-a1b2c3", false},
	} {
		_, c := start(t)
		out := ok[*sm.CreateSecretOutput](t)(c.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: &row.name, SecretString: aws.String("v")}))
		arn := aws.ToString(out.ARN)
		if prefix := "arn:aws:secretsmanager:eu-west-1:123456789012:secret:" + row.name + "-"; !strings.HasPrefix(arn, prefix) || len(arn) != len(prefix)+6 {
			t.Errorf("got ARN %s, want %sXXXXXX", arn, prefix)
		}
		for id, found := range map[string]bool{row.name: true, arn: true, arn[:len(arn)-7]: row.found} {
			_, err := c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: &id})
			if (err == nil) != found {
				t.Errorf("%s: got %v, want found %t", id, err, found)
			}
		}
	}
}

func TestS24ReadsLagBehindWrites(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	s.LagReads(2)
	must(t, put(t, c, token1, "v1", awsPending)) // invisible to reads 1 and 2
	_, err := get(t, c, token1, "")
	refused(t, err, "ResourceNotFoundException", "")
	must(t, move(t, c, awsCurrent, s.VersionID(name, awsCurrent), token1)) // invisible to reads 2 and 3
	d := ok[*sm.DescribeSecretOutput](t)(c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String(name)}))
	if len(d.VersionIdsToStages) != 1 {
		t.Errorf("got %v at the second read, want only the first version", d.VersionIdsToStages)
	}
	l := ok[*sm.ListSecretVersionIdsOutput](t)(c.ListSecretVersionIds(t.Context(), &sm.ListSecretVersionIdsInput{SecretId: aws.String(name)}))
	if len(l.Versions) != 2 || !slices.Equal(l.Versions[1].VersionStages, []string{awsPending}) {
		t.Errorf("got %v at the third read, want the value without the move", l.Versions)
	}
	if got, err := get(t, c, "", ""); got != "v1" {
		t.Errorf("got %q, %v at the fourth read, want v1", got, err)
	}
	refused(t, put(t, c, token1, "v2"), "ResourceExistsException", "") // writes are never behind
}

func TestS25Limits(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	labels := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("label%d", i))
		}
		return all
	}
	refused(t, put(t, c, "short", "v"), "InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
	refused(t, put(t, c, strings.Repeat("x", 65), "v"), "InvalidParameterException", "ClientRequestToken")
	refused(t, put(t, c, token1, ""), "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	refused(t, put(t, c, token1, strings.Repeat("x", 65537)), "ValidationException", "65536")
	refused(t, put(t, c, token1, "v", strings.Repeat("x", 257)), "ValidationException", "256")
	refused(t, put(t, c, token1, "v", labels(21)...), "ValidationException", "20")
	refused(t, put(t, c, token1, "v", labels(20)...), "LimitExceededException", "") // AWSCURRENT is the 21st
	refused(t, move(t, c, awsCurrent, "short", token1), "ValidationException", "removeFromVersionId")
	_, err := c.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String("v"), SecretBinary: []byte("v")})
	refused(t, err, "InvalidParameterException", "")
	_, err = c.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String("v"), RotationToken: aws.String("short")})
	refused(t, err, "ValidationException", "rotationToken")
	if got := len(s.Labels(name)); got != 1 {
		t.Errorf("got %d versions after refusals, want 1", got)
	}
	must(t, put(t, c, token1, strings.Repeat("x", 65536), labels(19)...))
}

func TestS26DeletedSecretKeepsItsName(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	out := ok[*sm.DeleteSecretOutput](t)(c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String(name), RecoveryWindowInDays: aws.Int64(7)}))
	if want := s.Now().AddDate(0, 0, 7); !out.DeletionDate.Equal(want) {
		t.Errorf("got deletion %v, want %v", out.DeletionDate, want)
	}
	_, err := get(t, c, "", "")
	refused(t, err, "InvalidRequestException", "marked for deletion")
	_, err = c.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: aws.String(name)})
	refused(t, err, "InvalidRequestException", "already scheduled for deletion")
	d := ok[*sm.DescribeSecretOutput](t)(c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String(name)}))
	if d.DeletedDate == nil {
		t.Error("got no DeletedDate")
	}
	s.Advance(7 * 24 * time.Hour)
	ok[*sm.CreateSecretOutput](t)(c.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: aws.String(name)}))
	ok[*sm.DeleteSecretOutput](t)(c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String(name), ForceDeleteWithoutRecovery: aws.Bool(true)}))
	_, err = get(t, c, "", "")
	refused(t, err, "ResourceNotFoundException", "the specified secret.")
	_, err = c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String(s.Put(name, "v")), RecoveryWindowInDays: aws.Int64(6)})
	refused(t, err, "InvalidParameterException", "")
}

func TestS27DeprecatedVersionIsListedOnlyWhenAsked(t *testing.T) {
	s, c := start(t)
	for _, v := range []string{"v0", "v1", "v2"} {
		s.Put(name, v)
	}
	if got := len(s.Labels(name)); got != 2 {
		t.Errorf("got %d labelled versions, want 2", got)
	}
	list := func(in sm.ListSecretVersionIdsInput) (*sm.ListSecretVersionIdsOutput, error) {
		in.SecretId = aws.String(name)
		return c.ListSecretVersionIds(t.Context(), &in)
	}
	if got := ok[*sm.ListSecretVersionIdsOutput](t)(list(sm.ListSecretVersionIdsInput{})); len(got.Versions) != 2 {
		t.Errorf("got %d versions, want 2", len(got.Versions))
	}
	page := ok[*sm.ListSecretVersionIdsOutput](t)(list(sm.ListSecretVersionIdsInput{IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(2)}))
	rest := ok[*sm.ListSecretVersionIdsOutput](t)(list(sm.ListSecretVersionIdsInput{IncludeDeprecated: aws.Bool(true), NextToken: page.NextToken}))
	if len(page.Versions) != 2 || len(page.Versions[0].VersionStages) != 0 || len(rest.Versions) != 1 || rest.NextToken != nil {
		t.Errorf("got pages %v and %v, want two versions, the deprecated one first, and one", page.Versions, rest.Versions)
	}
}

func TestS28ListSecrets(t *testing.T) {
	s, c := start(t)
	for _, n := range []string{"pingone/b", "other", "pingone/a", "pingone/c"} {
		s.Put(n, "v")
	}
	_, err := c.TagResource(t.Context(), &sm.TagResourceInput{SecretId: aws.String("pingone/a"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("iam")}}})
	must(t, err)
	list := func(in sm.ListSecretsInput) (names []string) {
		t.Helper()
		pages := sm.NewListSecretsPaginator(c, &in)
		for pages.HasMorePages() {
			for _, sec := range ok[*sm.ListSecretsOutput](t)(pages.NextPage(t.Context())).SecretList {
				names = append(names, *sec.Name)
			}
		}
		return names
	}
	filter := func(key types.FilterNameStringType, values ...string) []types.Filter {
		return []types.Filter{{Key: key, Values: values}}
	}
	for _, row := range []struct {
		in   sm.ListSecretsInput
		want string
	}{
		{sm.ListSecretsInput{}, "[other pingone/a pingone/b pingone/c]"},
		{sm.ListSecretsInput{MaxResults: aws.Int32(2), Filters: filter("name", "pingone/")}, "[pingone/a pingone/b pingone/c]"},
		{sm.ListSecretsInput{Filters: filter("tag-key", "team")}, "[pingone/a]"},
		{sm.ListSecretsInput{Filters: filter("tag-value", "iam", "x")}, "[pingone/a]"},
		{sm.ListSecretsInput{Filters: filter("name", "unknown")}, "[]"},
	} {
		if got := fmt.Sprint(list(row.in)); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
	_, err = c.ListSecrets(t.Context(), &sm.ListSecretsInput{NextToken: aws.String("made up")})
	refused(t, err, "InvalidNextTokenException", "")
}

func TestS35CreateSecret(t *testing.T) {
	s, c := start(t)
	create := func(name, text string) error {
		_, err := c.CreateSecret(t.Context(), &sm.CreateSecretInput{
			Name: &name, ClientRequestToken: aws.String(token1), SecretString: &text,
			Description: aws.String("d"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		})
		return err
	}
	must(t, create(name, "v0"))
	must(t, create(name, "v0")) // the same token and content
	refused(t, create(name, "v1"), "ResourceExistsException", "You can't use ClientRequestToken "+token1)
	_, err := c.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: aws.String(name), SecretString: aws.String("v0")}) // with a token of the SDK's
	refused(t, err, "ResourceExistsException", "The operation failed because the secret "+name+" already exists.")
	refused(t, create("two words", "v"), "ValidationException", "Invalid name.")
	wantLabels(t, s, map[string][]string{token1: {awsCurrent}})
	d := ok[*sm.DescribeSecretOutput](t)(c.DescribeSecret(t.Context(), &sm.DescribeSecretInput{SecretId: aws.String(name)}))
	if aws.ToString(d.Description) != "d" || len(d.Tags) != 1 || !d.CreatedDate.Equal(s.Now()) {
		t.Errorf("got %+v, want the description, the tag and the date", d)
	}
}

func TestBinaryValueIsReturnedAsBinary(t *testing.T) {
	s, c := start(t)
	s.PutBinary(name, []byte{0, 1, 254})
	out := ok[*sm.GetSecretValueOutput](t)(c.GetSecretValue(t.Context(), &sm.GetSecretValueInput{SecretId: aws.String(name)}))
	if string(out.SecretBinary) != "\x00\x01\xfe" || out.SecretString != nil {
		t.Errorf("got %v and %v, want the three bytes and no string", out.SecretBinary, out.SecretString)
	}
}
