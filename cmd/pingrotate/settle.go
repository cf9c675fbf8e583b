package main

import (
	"context"
	"maps"
	"reflect"

	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// A plan says what adopt and new do about the secret.
type plan int

const (
	creates  plan = iota // there is none of the name
	replaces             // it is there, holds no client secret yet, and has another document
	leaves               // it holds the client's secret already
	fills                // it is there with this document, and holds no client secret yet
	extends              // applications read it already, and its document is extended
)

// wouldDo says what a command without --dry-run would do.
func (does plan) wouldDo(secret string) string {
	switch does {
	case creates:
		return "would create " + secret + " and have the function fill it"
	case replaces:
		return "would replace the document of " + secret + ", which holds no client secret yet, and have the function fill it"
	case leaves:
		return "would leave " + secret + " as it is, but for missing tags and another schedule"
	case extends:
		return "would add environmentId, region and rotation to " + secret + ", and change no other member"
	}
	return "would have the function fill " + secret
}

// settle finds out what is to be done about the secret, and refuses one that is another's.
func (a *attachment) settle(ctx context.Context, client *secretsmanager.Client, now *holder, function string) (plan, error) {
	switch {
	case now == nil && a.taken != nil:
		return 0, remedy.Errorf("give its name or ARN, or make a new one with --secret"+a.meant(ctx, a.secret), "there is no secret %s in %s", a.secret, a.cfg.Region)
	case now == nil:
		return creates, nil
	case now.deleted:
		return 0, remedy.Errorf("restore it with aws secretsmanager restore-secret, or choose another name", "the secret %s is about to be deleted", a.secret)
	case now.enabled && now.function != function:
		return 0, remedy.Errorf("name that with --function, or detach the secret there first", "the secret %s is rotated by %s", a.secret, now.function)
	case a.taken != nil:
		return a.takeOver(ctx, client, now)
	case now.current == *a.token("create"):
		return fills, nil
	case now.current == *a.token("fill"):
		return leaves, nil
	}
	text, err := a.program.text(ctx, client, now)
	if err != nil {
		return 0, err
	}
	if text == "" {
		return replaces, nil
	}
	d, err := rotation.ParseDocument(text)
	if err != nil {
		return 0, remedy.Errorf("choose another name, or take it over with pingrotate adopt --in-place "+a.secret,
			"there is a secret %s already, and it holds no document of this function", a.secret)
	}
	if d.ClientSecret.IsZero() {
		return replaces, nil
	}
	wanted, err := rotation.ParseDocument(a.text)
	if err != nil {
		return 0, err
	}
	switch {
	case !sameClient(d, wanted):
		return 0, remedy.Errorf("choose another name", "the secret %s holds the secret of another client, %s", a.secret, d.ClientID)
	case !sameWishes(d, wanted):
		return 0, remedy.Errorf("change it with pingrotate edit "+a.secret, "the secret %s holds this client's secret already, with another document", a.secret)
	}
	return leaves, nil
}

// sameClient reports whether a document that was filled is of the client that is wanted.
func sameClient(d, wanted *rotation.Document) bool {
	if d.EnvironmentID != wanted.EnvironmentID {
		return false
	}
	if spec := wanted.Rotation.Application; wanted.ClientID == "" && spec != nil {
		return d.Rotation.Application != nil && d.Rotation.Application.Name == spec.Name
	}
	return d.ClientID == wanted.ClientID || d.Rotation.Twin == wanted.ClientID
}

// sameWishes compares all but what a rotation writes.
func sameWishes(d, wanted *rotation.Document) bool {
	clean := func(d *rotation.Document) map[string]any {
		o := decodeJSON(d.Outline())
		for _, written := range []string{"clientId", "tokenEndpoint", "tokenEndpointAuthMethod"} {
			delete(o, written)
		}
		policy, _ := o["rotation"].(map[string]any)
		delete(policy, "twin")
		if len(policy) == 0 {
			delete(o, "rotation")
		}
		return o
	}
	return reflect.DeepEqual(clean(d), clean(wanted)) && maps.Equal(d.Rotation.Names, wanted.Rotation.Names)
}

// put makes the secret what it is to be before the function fills it.
//
// Died before: nothing was made. Died after: the next run finds it.
func (a *attachment) put(ctx context.Context, client *secretsmanager.Client, now *holder, does plan) error {
	switch does {
	case creates:
		return a.create(ctx, client)
	case replaces:
		return a.replaceCurrent(ctx, client, now, *a.token("create"), a.text)
	case extends:
		return a.replaceCurrent(ctx, client, now, rotation.NewToken(), a.taken.document.Reveal())
	}
	return nil
}

func (a *attachment) create(ctx context.Context, client *secretsmanager.Client) error {
	in := &secretsmanager.CreateSecretInput{Name: &a.secret, SecretString: &a.text, ClientRequestToken: a.token("create")}
	for key, value := range a.tag {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	if a.kmsKey != "" {
		in.KmsKeyId = &a.kmsKey
	}
	if _, err := client.CreateSecret(ctx, in); err != nil {
		return advise("create the secret "+a.secret, "secretsmanager:CreateSecret, and secretsmanager:TagResource for tags", err)
	}
	return nil
}
