package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A takenOver is a secret that applications read already, and that keeps all that it holds.
type takenOver struct {
	environment, region, clientID string
	names                         document.Names // as given; guessed where empty
	policy                        object

	document *rotation.Document // as it will be
}

// takeOver reads the secret and says what is to be added to its document.
func (a *attachment) takeOver(ctx context.Context, client *secretsmanager.Client, now *holder) (plan, error) {
	a.secret = now.name
	text, err := a.program.text(ctx, client, now)
	if err != nil {
		return 0, err
	}
	t := a.taken
	if d, err := rotation.ParseDocument(text); err == nil && !d.ClientSecret.IsZero() && decodeJSON(text)["rotation"] != nil {
		// An earlier run has come as far, or it is managed already.
		t.document = d
		if d.EnvironmentID != t.environment || t.clientID != "" && d.ClientID != t.clientID {
			return 0, remedy.Errorf("change it with pingrotate edit "+a.secret, "%s is a document of this function already, of another client", a.secret)
		}
		a.client = register.Key{EnvironmentID: d.EnvironmentID, ID: d.ApplicationID()}
		return leaves, nil
	}
	if now.underWay(a.clock.time()) {
		return 0, remedy.Errorf("run the same command again when it is over", "a rotation of %s is under way", a.secret)
	}
	extended, err := t.extend(text)
	if err != nil {
		return 0, fmt.Errorf("take over %s: %w", a.secret, err)
	}
	if t.document, err = rotation.ParseDocument(extended); err != nil {
		return 0, fmt.Errorf("take over %s: %w", a.secret, err)
	}
	switch d := t.document; {
	case d.ClientSecret.IsZero():
		return 0, remedy.Errorf("name the member with --names clientSecret=NAME", "take over %s: it holds no client secret", a.secret)
	case d.ClientSecret.Masked():
		return 0, remedy.Errorf("store the secret itself first", "take over %s: what it holds as client secret is a mask, such as ****", a.secret)
	case t.clientID != "" && d.ClientID != t.clientID:
		return 0, remedy.Errorf("correct --client-id, or name the member with --names clientId=NAME", "take over %s: it names another client, %s", a.secret, d.ClientID)
	}
	if all := t.document.StaleCopies(t.document.ClientSecret); len(all) > 0 {
		return 0, remedy.Errorf("remove the copy from the document, or name it with --names", "take over %s: %s would still hold the old secret after a rotation", a.secret, strings.Join(all, ", "))
	}
	a.client = register.Key{EnvironmentID: t.document.EnvironmentID, ID: t.document.ApplicationID()}
	a.note("%s", t.reads())
	return extends, nil
}

// extend adds environmentId, region and rotation to the text.
func (t *takenOver) extend(text string) (string, error) {
	names := t.names
	if len(names) == 0 {
		var err error
		if names, err = document.GuessNames(text); err != nil {
			return "", remedy.With(err, "use --names clientId=NAME and --names clientSecret=NAME; a name may be a JSON Pointer such as /oauth/secret")
		}
	}
	policy := maps.Clone(t.policy)
	if policy == nil {
		policy = object{}
	}
	if len(names) > 0 {
		policy["names"] = names
	}
	var added []document.Addition
	for _, m := range []struct {
		member string
		value  any
	}{{"environmentId", t.environment}, {"region", t.region}, {"rotation", policy}} {
		if _, elsewhere := names[m.member]; elsewhere || m.value == "" {
			continue
		}
		raw, err := json.Marshal(m.value)
		if err != nil {
			return "", err
		}
		added = append(added, document.Addition{Name: m.member, Value: string(raw)})
	}
	return document.TakeOver(text, added)
}

// reads says which members the function will rotate.
func (t *takenOver) reads() string {
	d := t.document
	return fmt.Sprintf("client id in %s, client secret %s in %s", d.NameOf("clientId"), d.ClientSecret.Fingerprint(), d.NameOf("clientSecret"))
}

// parseNames reads --names, which may be given several times, each with one pair or several.
func parseNames(given []string) (document.Names, error) {
	names := document.Names{}
	for _, pair := range slices.Concat(splitEach(given)...) {
		member, name, err := document.ParseName(pair)
		switch {
		case err != nil:
			return nil, fmt.Errorf("--names %s: %w", pair, err)
		case names[member] != "":
			return nil, errors.New("--names gives " + member + " two names")
		}
		names[member] = name
	}
	return names, nil
}

func splitEach(all []string) (parts [][]string) {
	for _, one := range all {
		parts = append(parts, strings.Split(one, ","))
	}
	return parts
}
