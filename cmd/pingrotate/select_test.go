package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/runtimetest"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// TestSecretsOf checks what --all and --tag mean: among the secrets of this function,
// and of no other whose name begins alike, those that have every tag.
func TestSecretsOf(t *testing.T) {
	sm := secretsmanagertest.Run(t)
	client := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(sm.URL()),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	})
	const ours = runtimetest.FunctionARN
	for _, function := range []string{ours, ours + ":live", ours + "-2"} {
		sm.AddFunction(function, func(context.Context, []byte) error { return nil })
	}
	add := func(name, function string, tags ...string) {
		sm.Put(name, "{}")
		if function != "" {
			sm.EnableRotation(name, function)
		}
		in := &secretsmanager.TagResourceInput{SecretId: &name}
		for _, tag := range tags {
			key, value, _ := strings.Cut(tag, "=")
			in.Tags = append(in.Tags, types.Tag{Key: &key, Value: &value})
		}
		if len(tags) > 0 {
			if _, err := client.TagResource(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("z/ours", ours, "team=iam", "stage=prod")
	add("a/ours-by-alias", ours+":live", "team=iam", "stage=test")
	add("a/other-function", ours+"-2", "team=iam", "stage=prod")
	add("a/not-rotated", "", "team=iam")
	add("a/prefix", ours, "team=iam-2", "teams=iam", "stage=prod")
	add("a/off", ours, "team=iam")
	if _, err := client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String("a/off")}); err != nil {
		t.Fatal(err)
	}
	var many []string
	for i := range 150 {
		name := fmt.Sprintf("m/%03d", i)
		add(name, ours)
		many = append(many, name)
	}

	for _, c := range []struct {
		tags       []string
		names, off []string
	}{
		{nil, slices.Concat([]string{"a/ours-by-alias", "a/prefix"}, many, []string{"z/ours"}), []string{"a/off"}},
		{[]string{"team=iam"}, []string{"a/ours-by-alias", "z/ours"}, []string{"a/off"}},
		{[]string{"team=iam", "stage=prod"}, []string{"z/ours"}, nil},
		{[]string{"team="}, nil, nil},
		{[]string{"team=iam", "team=iam"}, []string{"a/ours-by-alias", "z/ours"}, []string{"a/off"}},
	} {
		tags, err := parseTags(c.tags)
		if err != nil {
			t.Fatal(err)
		}
		for _, function := range []string{ours, runtimetest.FunctionName} {
			names, off, err := secretsOf(t.Context(), client, namesFunction(function), tags)
			if err != nil || !slices.Equal(names, c.names) || !slices.Equal(off, c.off) {
				t.Errorf("%s, %v: got %v, turned off %v, %v; want %v, turned off %v", function, c.tags, names, off, err, c.names, c.off)
			}
		}
	}
	for _, bad := range [][]string{{"team"}, {"=iam"}, {"team=a", "team=b"}} {
		if _, err := parseTags(bad); err == nil {
			t.Errorf("%v: got no error", bad)
		}
	}
}
