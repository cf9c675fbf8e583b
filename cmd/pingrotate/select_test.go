package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// TestSecretsOf checks what --all and --tag mean: among the secrets of this function,
// and of no other whose name begins alike, those that have every tag.
func TestSecretsOf(t *testing.T) {
	sm := secretsmanagertest.Run(t)
	f := &fleet{t: t, sm: sm}
	client := f.client(http.DefaultTransport)
	for _, function := range []string{fleetFunction, fleetFunction + ":live", fleetFunction + "-2"} {
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
	add("z/ours", fleetFunction, "team=iam", "stage=prod")
	add("a/ours-by-alias", fleetFunction+":live", "team=iam", "stage=test")
	add("a/other-function", fleetFunction+"-2", "team=iam", "stage=prod")
	add("a/not-rotated", "", "team=iam")
	add("a/prefix", fleetFunction, "team=iam-2", "teams=iam", "stage=prod")
	add("a/off", fleetFunction, "team=iam")
	if _, err := client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String("a/off")}); err != nil {
		t.Fatal(err)
	}
	var many []string
	for i := range 150 {
		name := fmt.Sprintf("m/%03d", i)
		add(name, fleetFunction)
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
		names, off, err := secretsOf(t.Context(), client, fleetFunction, tags)
		if err != nil || !slices.Equal(names, c.names) || !slices.Equal(off, c.off) {
			t.Errorf("%v: got %v, turned off %v, %v; want %v, turned off %v", c.tags, names, off, err, c.names, c.off)
		}
	}
	for _, bad := range [][]string{{"team"}, {"=iam"}, {"team=a", "team=b"}} {
		if _, err := parseTags(bad); err == nil {
			t.Errorf("%v: got no error", bad)
		}
	}
}
