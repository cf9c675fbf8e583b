package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// secretsOf returns the names of the secrets that the function rotates and that have
// all the tags, sorted, and apart from them those whose rotation is turned off: they
// still name the function, and it would refuse them. A tag is key=value, as a whole.
//
// It asks Secrets Manager alone, with the operator's own permission to list secrets.
// The action audit knows the secrets as well, but asks PingOne about each, and the
// campaign needs those calls itself.
func secretsOf(ctx context.Context, client secretsmanager.ListSecretsAPIClient, ours func(function string) bool, tags map[string]string) (names, off []string, err error) {
	in := &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(100)}
	if len(tags) > 0 {
		// This only makes the list shorter: a filter compares prefixes, and not the key
		// and the value of one tag together. None is for the rotation function.
		in.Filters = []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: slices.Sorted(maps.Keys(tags))}}
	}
	for pages := secretsmanager.NewListSecretsPaginator(client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, advise("list the secrets", "secretsmanager:ListSecrets", err)
		}
		for _, s := range page.SecretList {
			switch {
			case !ours(aws.ToString(s.RotationLambdaARN)) || !tagged(s.Tags, tags):
			case aws.ToBool(s.RotationEnabled):
				names = append(names, aws.ToString(s.Name))
			default:
				off = append(off, aws.ToString(s.Name))
			}
		}
	}
	slices.Sort(names)
	slices.Sort(off)
	return names, off, nil
}

// namesFunction returns what tells whether the rotation of a secret is by a function. One
// that names it with a version or an alias is among them, so that it is not passed over in
// silence: the function refuses it, and says so. Where only the function's name is known, that
// decides.
func namesFunction(function string) func(string) bool {
	return func(arn string) bool {
		if !strings.HasPrefix(function, "arn:") {
			_, name, ok := strings.Cut(arn, ":function:")
			return ok && (name == function || strings.HasPrefix(name, function+":"))
		}
		return arn == function || strings.HasPrefix(arn, function+":")
	}
}

// tagged reports whether all the wanted tags are there.
func tagged(tags []types.Tag, wanted map[string]string) bool {
	found := 0
	for _, t := range tags {
		if value, ok := wanted[aws.ToString(t.Key)]; ok && value == aws.ToString(t.Value) {
			found++
		}
	}
	return found == len(wanted)
}

// parseTags reads the values of --tag. A key occurs once on a secret, so that two
// values for it would match none.
func parseTags(given []string) (map[string]string, error) {
	tags := map[string]string{}
	for _, tag := range given {
		key, value, ok := strings.Cut(tag, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--tag must be KEY=VALUE, not %q", tag)
		}
		if old, twice := tags[key]; twice && old != value {
			return nil, fmt.Errorf("no secret has two values of the tag %s", key)
		}
		tags[key] = value
	}
	return tags, nil
}
