package trial

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"pingrotate/consumer"
	"pingrotate/internal/conformance"
	"pingrotate/pingone"
	"pingrotate/rotation"
)

// A managed is a throw-away application and its managed secret.
type managed struct {
	app       conformance.Lent
	secret    string             // name
	document  *rotation.Document // as it is before it holds the client secret
	seen      map[string]bool    // fingerprints of the application's secrets
	current   string             // fingerprint
	consumers *consumers
}

// manage creates an application, and a secret with its document, which names the admin.
func (r *run) manage(ctx context.Context, purpose, admin string) (*managed, error) {
	m := &managed{seen: map[string]bool{}}
	var err error
	if m.app, err = r.PingOne.Lend(ctx, purpose); err != nil {
		return nil, err
	}
	text, err := json.Marshal(object{
		"environmentId": r.PingOne.Environment.ID, "region": string(r.PingOneRegion), "clientId": m.app.ID,
		"rotation": object{"adminSecretId": admin},
	})
	if err != nil {
		return nil, err
	}
	if m.document, err = rotation.ParseDocument(string(text)); err != nil {
		return nil, err
	}
	if purpose == AttachedPurpose {
		if err := r.Serves(ctx, r.AWS.NameOf(purpose), string(text)); err != nil {
			return nil, err
		}
	}
	if m.secret, err = r.AWS.Keep(ctx, purpose, func(string) (string, error) { return string(text), nil }); err != nil {
		return nil, err
	}
	m.sees(m.app.Secret)
	m.current = pingone.NewSecret(m.app.Secret).Fingerprint()
	m.consumers = &consumers{source: func() *consumer.Source {
		s := &consumer.Source{Secrets: r.Secrets, SecretID: m.secret, MaxAge: time.Hour, Log: quietly}
		if !strings.HasPrefix(r.PingOne.Environment.Auth, "https://") { // the sandbox
			s.AuthURL = strings.TrimSuffix(r.PingOne.Environment.Auth, "/"+r.PingOne.Environment.ID)
		}
		return s
	}}
	return m, nil
}

// sees counts a secret that PingOne has for the application.
func (m *managed) sees(secret string) { m.seen[pingone.NewSecret(secret).Fingerprint()] = true }
