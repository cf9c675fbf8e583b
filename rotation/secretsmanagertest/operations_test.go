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

	"pingrotate/rotation/secretsmanagertest"
)

func TestS36ARandomPasswordHasEachIncludedType(t *testing.T) {
	s, c := start(t)
	password := func(in sm.GetRandomPasswordInput) (string, error) {
		out, err := c.GetRandomPassword(t.Context(), &in)
		if err != nil {
			return "", err
		}
		return *out.RandomPassword, nil
	}
	const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	seen := map[string]bool{}
	for range 50 {
		p, err := password(sm.GetRandomPasswordInput{})
		must(t, err)
		if len(p) != 32 || !strings.ContainsAny(p, lower) || !strings.ContainsAny(p, upper) || !strings.ContainsAny(p, digits) ||
			!strings.ContainsAny(p, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") || strings.Contains(p, " ") || seen[p] {
			t.Fatalf("got %q, want 32 characters of four types and never the same", p)
		}
		seen[p] = true
		if !slices.Contains(s.Values(), p) {
			t.Error("the password is not among what must not be found in a log")
		}
	}
	p, err := password(sm.GetRandomPasswordInput{
		PasswordLength: aws.Int64(4), ExcludePunctuation: aws.Bool(true), ExcludeNumbers: aws.Bool(true), ExcludeUppercase: aws.Bool(true),
		ExcludeCharacters: aws.String(lower[1:]), RequireEachIncludedType: aws.Bool(false),
	})
	if p != "aaaa" {
		t.Errorf("got %q, %v, want the one character that is left", p, err)
	}
	for _, in := range []sm.GetRandomPasswordInput{
		{PasswordLength: aws.Int64(3)}, {PasswordLength: aws.Int64(4097)},
		{ExcludeLowercase: aws.Bool(true), ExcludeUppercase: aws.Bool(true), ExcludeNumbers: aws.Bool(true), ExcludePunctuation: aws.Bool(true)},
	} {
		_, err := password(in)
		refused(t, err, "InvalidParameterException", "")
	}
}

func TestS37UpdateSecretPromotesANewValue(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	out := ok[*sm.UpdateSecretOutput](t)(c.UpdateSecret(t.Context(), &sm.UpdateSecretInput{
		SecretId: aws.String(name), ClientRequestToken: aws.String(token1), SecretString: aws.String("v1"), Description: aws.String("d"),
	}))
	if aws.ToString(out.VersionId) != token1 {
		t.Errorf("got version %v, want %s", out.VersionId, token1)
	}
	wantLabels(t, s, map[string][]string{old: {awsPrevious}, token1: {awsCurrent}})
	out = ok[*sm.UpdateSecretOutput](t)(c.UpdateSecret(t.Context(), &sm.UpdateSecretInput{SecretId: aws.String(name), KmsKeyId: aws.String("alias/k")}))
	if out.VersionId != nil {
		t.Errorf("got version %v for no new value, want none", *out.VersionId)
	}
	d := describe(t, c)
	if aws.ToString(d.Description) != "d" || aws.ToString(d.KmsKeyId) != "alias/k" {
		t.Errorf("got %v and %v, want the description and the key", d.Description, d.KmsKeyId)
	}
	_, err := c.UpdateSecret(t.Context(), &sm.UpdateSecretInput{SecretId: aws.String(name), ClientRequestToken: aws.String(token1), SecretString: aws.String("other")})
	refused(t, err, "ResourceExistsException", "You can't use ClientRequestToken")
	_, err = c.UpdateSecret(t.Context(), &sm.UpdateSecretInput{SecretId: aws.String("absent"), SecretString: aws.String("v")})
	refused(t, err, "ResourceNotFoundException", "")
}

func TestS38ABatchReadsEachCurrentValueOrSaysWhyNot(t *testing.T) {
	s, c := start(t)
	for i := range 25 {
		s.Put(fmt.Sprintf("batch/%02d", i), fmt.Sprint("value ", i))
	}
	s.Create("empty")
	out := ok[*sm.BatchGetSecretValueOutput](t)(c.BatchGetSecretValue(t.Context(), &sm.BatchGetSecretValueInput{SecretIdList: []string{"batch/03", "absent", "empty"}}))
	if len(out.SecretValues) != 1 || aws.ToString(out.SecretValues[0].SecretString) != "value 3" || aws.ToString(out.SecretValues[0].Name) != "batch/03" {
		t.Errorf("got %v, want the one value", out.SecretValues)
	}
	if len(out.Errors) != 2 || aws.ToString(out.Errors[0].ErrorCode) != "ResourceNotFoundException" || aws.ToString(out.Errors[0].SecretId) != "absent" {
		t.Errorf("got %v, want an error for each of the others", out.Errors)
	}
	names := []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{"batch/"}}}
	page := ok[*sm.BatchGetSecretValueOutput](t)(c.BatchGetSecretValue(t.Context(), &sm.BatchGetSecretValueInput{Filters: names}))
	rest := ok[*sm.BatchGetSecretValueOutput](t)(c.BatchGetSecretValue(t.Context(), &sm.BatchGetSecretValueInput{Filters: names, NextToken: page.NextToken}))
	if len(page.SecretValues) != 20 || len(rest.SecretValues) != 5 || rest.NextToken != nil {
		t.Errorf("got %d and %d values, want 20 and 5", len(page.SecretValues), len(rest.SecretValues))
	}
	for _, in := range []sm.BatchGetSecretValueInput{{}, {SecretIdList: []string{"a"}, Filters: names}} {
		_, err := c.BatchGetSecretValue(t.Context(), &in)
		refused(t, err, "InvalidParameterException", "")
	}
	told := &recorder{T: t}
	masked := secretsmanagertest.Run(told)
	masked.Put(name, "canary-0")
	ok[*sm.BatchGetSecretValueOutput](t)(client(masked).BatchGetSecretValue(t.Context(), &sm.BatchGetSecretValueInput{SecretIdList: []string{name}}))
	if log := strings.Join(told.logs, "\n"); strings.Contains(log, "canary-0") || !strings.Contains(log, "BatchGetSecretValue") {
		t.Errorf("got %s, want the call without the value", log)
	}
}

func TestS39RestoreSecretTakesADeletionBack(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	ok[*sm.DeleteSecretOutput](t)(c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String(name)}))
	_, err := get(t, c, "", "")
	refused(t, err, "InvalidRequestException", "marked for deletion")
	for range 2 {
		ok[*sm.RestoreSecretOutput](t)(c.RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: aws.String(name)}))
	}
	if got, err := get(t, c, "", ""); got != "v0" {
		t.Errorf("got %q, %v, want the value again", got, err)
	}
	if d := describe(t, c); d.DeletedDate != nil {
		t.Errorf("got a deletion at %v, want none", d.DeletedDate)
	}
}

func TestS41TagsAreReplacedAndRemovedByTheirKeys(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	pair := func(key, value string) types.Tag { return types.Tag{Key: aws.String(key), Value: aws.String(value)} }
	ok[*sm.TagResourceOutput](t)(c.TagResource(t.Context(), &sm.TagResourceInput{SecretId: aws.String(name), Tags: []types.Tag{pair("a", "1"), pair("b", "2")}}))
	ok[*sm.TagResourceOutput](t)(c.TagResource(t.Context(), &sm.TagResourceInput{SecretId: aws.String(name), Tags: []types.Tag{pair("a", "3")}}))
	for range 2 {
		ok[*sm.UntagResourceOutput](t)(c.UntagResource(t.Context(), &sm.UntagResourceInput{SecretId: aws.String(name), TagKeys: []string{"b", "c"}}))
	}
	if tags := describe(t, c).Tags; len(tags) != 1 || *tags[0].Key != "a" || *tags[0].Value != "3" {
		t.Errorf("got %d tags, want a=3 alone", len(tags))
	}
}

func TestS28FiltersFindByDescriptionAndAllAndTakeNegations(t *testing.T) {
	s, c := start(t)
	for i, row := range []struct{ name, description, tag string }{
		{"prod/orders", "Orders of the shop", "Platform"}, {"prod/billing", "Invoices", "Finance"}, {"test/orders", "orders, to try", "platform"},
	} {
		s.Advance(time.Duration(i) * time.Hour)
		ok[*sm.CreateSecretOutput](t)(c.CreateSecret(t.Context(), &sm.CreateSecretInput{
			Name: &row.name, Description: &row.description, SecretString: aws.String("v"), Tags: []types.Tag{{Key: aws.String("team"), Value: &row.tag}},
		}))
	}
	for _, row := range []struct {
		key    types.FilterNameStringType
		values []string
		order  types.SortOrderType
		want   string
	}{
		{"description", []string{"orders"}, "", "prod/orders test/orders"},
		{"description", []string{"shop"}, "", ""},
		{"name", []string{"!prod/"}, "", "test/orders"},
		{"name", []string{"prod/", "!prod/b"}, "", "prod/orders"},
		{"tag-value", []string{"platform"}, "", "test/orders"},
		{"all", []string{"platform"}, "", "prod/orders test/orders"},
		{"all", []string{"SHOP"}, "", "prod/orders"},
		{"all", []string{"try orders"}, "", "test/orders"},
		{"all", []string{"!prod"}, "", "test/orders"},
		{"name", []string{"prod/", "test/"}, "desc", "test/orders prod/billing prod/orders"},
		{"name", []string{"prod/", "test/"}, "asc", "prod/orders prod/billing test/orders"},
		{"primary-region", []string{"eu"}, "", ""},
		{"owning-service", []string{"!rds"}, "", "prod/orders prod/billing test/orders"},
	} {
		out := ok[*sm.ListSecretsOutput](t)(c.ListSecrets(t.Context(), &sm.ListSecretsInput{Filters: []types.Filter{{Key: row.key, Values: row.values}}, SortOrder: row.order}))
		var names []string
		for _, sec := range out.SecretList {
			names = append(names, *sec.Name)
		}
		if got := strings.Join(names, " "); got != row.want {
			t.Errorf("%s %q %s: got %q, want %q", row.key, row.values, row.order, got, row.want)
		}
	}
	_, err := c.ListSecrets(t.Context(), &sm.ListSecretsInput{Filters: []types.Filter{{Key: "colour", Values: []string{"red"}}}})
	refused(t, err, "ValidationException", "")
}

func TestS40EachVersionShowsItsKeyAndItsLastAccess(t *testing.T) {
	s, c := start(t)
	s.Put(name, "v0")
	old := s.VersionID(name, awsCurrent)
	must(t, put(t, c, token1, "v1"))
	if _, err := get(t, c, old, ""); err != nil {
		t.Fatal(err)
	}
	out := ok[*sm.ListSecretVersionIdsOutput](t)(c.ListSecretVersionIds(t.Context(), &sm.ListSecretVersionIdsInput{SecretId: aws.String(name)}))
	for _, v := range out.Versions {
		day := s.Now().Truncate(24 * time.Hour)
		if read := *v.VersionId == old; read != (v.LastAccessedDate != nil) || read && !v.LastAccessedDate.Equal(day) {
			t.Errorf("%s: got last access %v, want the day of the read, and none for the other", *v.VersionId, v.LastAccessedDate)
		}
		if !slices.Equal(v.KmsKeyIds, []string{"DefaultEncryptionKey"}) {
			t.Errorf("got keys %q, want the default one", v.KmsKeyIds)
		}
	}
}
