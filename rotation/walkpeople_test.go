package rotation_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// What people do is done at once: nothing comes in between.

// person does something, and lets the checker see it as a person's act.
func (w *walk) person(act func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	act()
	w.compare(fault.Call{}, "a person", false, nil)
}

// client returns the application that AWSCURRENT names, or else the one that was there
// from the start.
func (w *walk) client(sec *walkSecret) *walkClient {
	if k := w.clients[sec.current.ClientID]; k != nil && k.group == sec.group {
		return k
	}
	return sec.group.clients[0]
}

// console presses PingOne's button.
func (w *walk) console(sec *walkSecret, retain time.Duration) {
	k := w.client(sec)
	w.ping.Regenerate(k.app.Environment, k.app.ID, retain)
}

// edit changes an application at the console.
func (w *walk) edit(k *walkClient, change func(*pingonetest.Application)) {
	change(&k.app)
	w.ping.UpdateApplication(k.app.Environment, k.app.ID, func(a *pingonetest.Application) {
		a.Disabled, a.TokenEndpointAuthMethod, a.Roles = k.app.Disabled, k.app.TokenEndpointAuthMethod, k.app.Roles
	})
	k.disabled, k.edited = k.app.Disabled, w.ping.Now()
}

func otherMethod(a *pingonetest.Application) {
	if a.TokenEndpointAuthMethod == "CLIENT_SECRET_BASIC" {
		a.TokenEndpointAuthMethod = "CLIENT_SECRET_POST"
	} else {
		a.TokenEndpointAuthMethod = "CLIENT_SECRET_BASIC"
	}
}

func hasRole(a *pingonetest.Application, role string) bool {
	return slices.ContainsFunc(a.Roles, func(r pingonetest.RoleAssignment) bool { return r.Role == role })
}

// setRole gives an application a role or takes it away.
func setRole(a *pingonetest.Application, role string, want bool) {
	switch {
	case want && !hasRole(a, role):
		a.Roles = append(slices.Clone(a.Roles), pingonetest.RoleAssignment{Role: role})
	case !want:
		a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(r pingonetest.RoleAssignment) bool { return r.Role == role })
	}
}

// write stores a document as a new AWSCURRENT.
func (w *walk) write(sec *walkSecret, change func(map[string]any)) {
	var d map[string]any
	if json.Unmarshal([]byte(sec.text), &d) != nil {
		d = sec.allowing(document(sec.group.clients[0].app))
	}
	change(d)
	w.sm.Put(sec.name, encode(d))
}

// storeRight stores what is right for an application.
func (w *walk) storeRight(sec *walkSecret) {
	k := w.client(sec)
	w.write(sec, func(d map[string]any) {
		d["clientId"], d["clientSecret"], d["tokenEndpointAuthMethod"] = k.app.ClientID, k.cur, k.app.TokenEndpointAuthMethod
	})
}

// storeOld stores the document of AWSPREVIOUS once more.
func (w *walk) storeOld(sec *walkSecret) {
	if text, ok := w.sm.Value(sec.name, "AWSPREVIOUS"); ok {
		w.sm.Put(sec.name, text)
	}
}

// relabel moves a label to the version that has another one, or takes it off.
func (w *walk) relabel(sec *walkSecret, label, to string) {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &sec.name, VersionStage: &label}
	if id := w.sm.VersionID(sec.name, label); id != "" {
		in.RemoveFromVersionId = &id
	}
	if to != "" {
		id := w.sm.VersionID(sec.name, to)
		if id == "" {
			return
		}
		in.MoveToVersionId = &id
	}
	_, _ = w.people.UpdateSecretVersionStage(w.t.Context(), in) // which may be refused
}

// forge puts a version with a secret that was made up, of this client or another.
func (w *walk) forge(sec *walkSecret, label string, foreign bool) {
	k := w.client(sec)
	if foreign {
		k = w.bystander.client
	}
	d := sec.allowing(document(k.app))
	d["clientSecret"] = "made-up"
	w.put(sec, label, encode(d))
}

// put stores a version under a label.
func (w *walk) put(sec *walkSecret, label, text string) {
	w.tokens++
	id := fmt.Sprintf("forged-%025d", w.tokens)
	_, _ = w.people.PutSecretValue(w.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &sec.name, ClientRequestToken: &id, SecretString: &text, VersionStages: []string{label},
	})
}

// deleteOrRestore schedules a managed secret for deletion, or restores it. The admins are
// left alone: without one of them nothing acts.
func (w *walk) deleteOrRestore(sec *walkSecret) {
	switch {
	case sec.index < admins:
	case sec.deleted.IsZero():
		in := &secretsmanager.DeleteSecretInput{SecretId: &sec.name, RecoveryWindowInDays: aws.Int64(30)}
		if _, err := w.people.DeleteSecret(w.t.Context(), in); err == nil {
			sec.deleted = w.ping.Now()
		}
	default:
		w.restore(sec)
	}
}

// restore gives consumers a secret back. What they read may have died meanwhile.
func (w *walk) restore(sec *walkSecret) {
	if _, err := w.people.RestoreSecret(w.t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &sec.name}); err != nil {
		w.breach("restore %s: %v", sec.name, err)
	}
	w.n++
	sec.deleted, sec.placed, sec.placedN, sec.byPerson, sec.dead = time.Time{}, w.ping.Now(), w.n, true, false
}

// restoreAfter restores what was deleted so long ago.
func (w *walk) restoreAfter(d time.Duration) {
	for _, sec := range w.secrets {
		if !sec.deleted.IsZero() && w.ping.Now().Sub(sec.deleted) >= d {
			w.restore(sec)
		}
	}
}

// loseItem deletes the register's items of a client, or with all of them every row.
func (w *walk) loseItem(sec *walkSecret, all bool) {
	if all && len(w.running) > 0 {
		return
	}
	w.unlisted = w.unlisted || all
	if all {
		w.db.Lose(registerTable)
	}
	for _, k := range sec.group.clients {
		_, _ = w.dynamo.DeleteItem(w.t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(registerTable), Key: map[string]types.AttributeValue{
			"subject": &types.AttributeValueMemberS{Value: "client#" + k.app.Environment + "/" + k.app.ID},
			"entry":   &types.AttributeValueMemberS{Value: "item"},
		}})
	}
	for _, g := range w.groups {
		if all || g == sec.group {
			g.item.Intent, g.item.Emergency, g.item.Ended = nil, nil, nil
		}
	}
}

// consume obtains a token as a consumer that may not have noticed the last rotation.
func (w *walk) consume(sec *walkSecret, old bool) error {
	w.mu.Lock()
	d := sec.current
	k := w.client(sec)
	if old {
		d = walkDocument{}
		text, _ := w.sm.Value(sec.name, "AWSPREVIOUS")
		_ = json.Unmarshal([]byte(text), &d)
	}
	app := k.app
	w.mu.Unlock()
	c := w.rotator.PingOne
	c.HTTP = consumers(w)
	_, err := c.Token(w.t.Context(), pingone.Credential{
		Environment: pingone.Environment{ID: app.Environment, API: w.ping.URL(), Auth: w.ping.URL() + "/" + app.Environment},
		ClientID:    d.ClientID,
		Secret:      pingone.NewSecret(d.ClientSecret),
		Method:      pingone.AuthMethod(app.TokenEndpointAuthMethod),
	}, "")
	return err
}

// The rule about people who take an admin's reach away, by roles, by disabling it or by
// another method: they notice within the hour. No program can act without rights.

// giveBack repairs what keeps the admins from acting. The lock is held.
func (w *walk) giveBack() (acted bool) {
	for _, k := range w.clients {
		beyond := !slices.Contains(w.secrets[:admins], k.group.secret()) && hasRole(&k.app, developer) // an admin assigns no more than it has
		if hasRole(&k.app, superior) || beyond {
			w.edit(k, func(a *pingonetest.Application) {
				setRole(a, superior, false)
				if beyond {
					setRole(a, developer, false)
				}
			})
			acted = true
		}
	}
	able := 0
	for _, sec := range w.secrets[:admins] {
		k := w.client(sec)
		if k.disabled || !hasRole(&k.app, developer) || k.app.TokenEndpointAuthMethod != sec.current.TokenEndpointAuthMethod {
			w.edit(k, func(a *pingonetest.Application) {
				a.Disabled = false
				setRole(a, developer, true)
				if m := sec.current.TokenEndpointAuthMethod; m == "CLIENT_SECRET_BASIC" || m == "CLIENT_SECRET_POST" {
					a.TokenEndpointAuthMethod = m
				}
			})
			acted = true
		}
		if w.acts(sec) {
			able++
		}
	}
	if able == 0 { // of two that rotate each other one must be left
		w.say("  a person repairs %s", w.secrets[0].name)
		w.storeRight(w.secrets[0])
		acted = true
	}
	return acted || able < admins
}

// secret returns the first managed secret of the clients; a bystander has none.
func (g *walkGroup) secret() *walkSecret {
	if len(g.secrets) == 0 {
		return nil
	}
	return g.secrets[0]
}

// acts reports whether the application can use what is stored.
func (w *walk) acts(sec *walkSecret) bool {
	k := w.clients[sec.current.ClientID]
	return k != nil && !k.disabled && k.alive(sec.current.ClientSecret, w.ping.Now()) && sec.current.TokenEndpointAuthMethod == k.app.TokenEndpointAuthMethod
}

func encodeAction(a any) string {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return string(text)
}
