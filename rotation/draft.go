package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/plan"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// checkDraft checks a document that no secret holds yet, as check does a secret: the admin and
// what its owner allows, the application and its specification, how its secret would be
// verified, and whether another managed secret holds the client. It changes nothing and mints
// nothing.
//
// The secret need not exist. The action gives its ARN, or the name that it will have.
func (r *Rotator) checkDraft(ctx context.Context, a Action) *Checkup {
	c := r.newDraft(a)
	c.draft(ctx)
	c.State, c.WouldRotate = worst(c.Findings), c.blocked() == nil
	switch f := c.blocked(); {
	case f != nil:
		c.Because = f.Point + ": " + f.Detail
	case c.found.current.ClientID == "":
		c.Decision, c.Because = Seed, "the function would create the application and store its secret"
	case a.Holds != "":
		c.Decision, c.Because = Seed, "the function would rotate the secret as it is stored"
	default:
		c.Decision, c.Because = Seed, "the function would store the secret that PingOne has, unchanged"
	}
	c.Calls = c.count.take()
	r.log().LogAttrs(ctx, slog.LevelInfo, "rotation action",
		slog.String("action", a.Action), slog.String("outcome", string(c.State)), slog.String("secretId", c.SecretID), slog.String(claimedBy, a.By))
	return &c.Checkup
}

func (r *Rotator) newDraft(a Action) *checkup {
	n := r.begin(a.SecretID, plan.ByStep, a.Action, "")
	n.readOnly, n.assumeMarked = true, a.Mark || a.Action == ActionMark
	n.secret.name = a.SecretID
	if arn.IsARN(a.SecretID) {
		n.secret.arn, n.secret.name = a.SecretID, secretNameOf(a.SecretID)
	}
	return &checkup{run: n, Checkup: Checkup{Action: a.Action, SecretID: a.SecretID, Name: n.secret.name}, action: a}
}

// markApplication marks the application that a document names as belonging to the secret, in
// the application's description in PingOne, if the admin's owner allows the secret "marked"
// applications. This is how an operator allows an existing application: the writer of the
// document cannot. The report lists the points that were checked.
func (r *Rotator) markApplication(ctx context.Context, a Action) *Checkup {
	c := r.newDraft(a)
	if d := c.drafted(ctx); d != nil {
		switch marked, err := c.provisioner().Mark(ctx, d.EnvironmentID, d.ApplicationID()); {
		case c.failed("mark", err):
		case marked:
			c.ok("mark", "application %s is marked as this secret's", d.ApplicationID())
		default:
			c.ok("mark", "application %s was marked as this secret's already", d.ApplicationID())
		}
	}
	c.State = worst(c.Findings)
	c.Calls = c.count.take()
	r.log().LogAttrs(ctx, slog.LevelInfo, "rotation action", slog.String("action", a.Action), slog.String("outcome", string(c.State)),
		slog.String("secretId", c.SecretID), slog.String(claimedBy, a.By), slog.String("changed", strings.Join(c.record.changes, "; ")))
	return &c.Checkup
}

// drafted reads the document and checks that the admin's owner allows it. It returns nil after
// a failure. The application must exist: a rotation marks the ones that it creates itself.
func (c *checkup) drafted(ctx context.Context) *document.Document {
	d, err := parseDraft(c.action.Document)
	if err == nil && (d.ClientID == "" || d.IsResource()) {
		err = document.NewFieldError("clientId", "must be of an application that exists")
	}
	if c.failed("document", err) {
		return nil
	}
	c.found.current = &stored{Document: d, created: c.client.Time()}
	if c.failed("admin", c.authorize(ctx)) {
		return nil
	}
	return d
}

// parseDraft decodes a document that no secret holds yet. It must be without secrets.
func parseDraft(text string) (*document.Document, error) {
	d, err := document.Parse(text)
	if err == nil && (!d.ClientSecret.IsZero() || !d.PrivateKey.IsZero()) {
		err = errors.New("read the document: a draft must be without clientSecret and privateKey")
	}
	return d, err
}

// draft goes through the points and stops at the first that makes the next ones unanswerable.
func (c *checkup) draft(ctx context.Context) {
	d, err := parseDraft(c.action.Document)
	if c.failed("document", err) {
		return
	}
	v := &stored{Document: d, created: c.client.Time()}
	if c.failed("document", v.rotatable()) {
		return
	}
	c.found.current = v
	c.needs(d)
	c.ok("document", "is valid")
	if !c.adminIsReady(ctx) {
		return
	}
	admin := c.found.acting
	c.ok("admin", "application %s obtains a token, and its owner allows this secret", admin.application)
	c.specificationHolds(ctx)
	if d.ClientID == "" {
		return
	}
	app, err := admin.read(ctx, d, d.ApplicationID())
	if pingone.IsNotFound(err) {
		err = remedy.With(err, fmt.Sprintf("check the client id and the environment: the environment %s has no application %s that the admin can see", d.EnvironmentID, d.ApplicationID()))
	}
	if c.failed("application", err) {
		return
	}
	c.adminReaches(ctx)
	live, err := admin.view(ctx, d.Target())
	if c.failed("application secret", c.explained(ctx, err)) {
		return
	}
	c.found.apps = map[string]*pingone.Application{d.ApplicationID(): app}
	c.found.views = map[string]*pingone.ApplicationSecret{d.ApplicationID(): live}
	c.found.closed = c.unfit()
	c.applicationIsFit(ctx, app)
	c.storedIsPingOnes(live)
	c.clientIsFree(ctx)
}

// storedIsPingOnes checks that the secret stored already is PingOne's current one. Only its
// fingerprint is known here.
func (c *checkup) storedIsPingOnes(live *pingone.ApplicationSecret) {
	switch holds := c.action.Holds; {
	case holds == "":
	case holds == live.Secret.Fingerprint():
		c.ok(pointCurrent, "%s is PingOne's current secret", holds)
	case live.Previous != nil && holds == live.Previous.Secret.Fingerprint():
		c.fail("stored secret", "store PingOne's current secret first, while the stored one still works",
			"%s is PingOne's previous secret, which ends at %s; the current one is %s", holds, live.Previous.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z"), live.Secret.Fingerprint())
	default:
		c.fail("stored secret", "check that the secret and the client id belong together, and store PingOne's current secret first",
			"%s is not the secret that PingOne has, which is %s: it was regenerated since, or is of another application", holds, live.Secret.Fingerprint())
	}
}

// clientIsFree checks that no other managed secret holds the client. If two did, a rotation of
// one would end the secret that the other holds.
func (c *checkup) clientIsFree(ctx context.Context) {
	_, err := c.findItem(ctx)
	if c.failed("client", err) {
		return
	}
	if err := c.hold.fetch(ctx); err != nil {
		if register.Unreachable(err) {
			c.fail("client", remedy.Of(err), "whether another managed secret holds this client is not known: %v", err)
		} else {
			c.failed("client", err)
		}
		return
	}
	holders, err := c.hold.table.Holders(ctx, c.hold.key)
	if c.failed("client", err) {
		return
	}
	for id := range c.hold.rev.Item.Secrets {
		holders = append(holders, id)
	}
	slices.Sort(holders)
	for _, id := range slices.Compact(holders) {
		if id == c.secret.arn || secretNameOf(id) == c.secret.name {
			continue
		}
		other := &secret{api: c.Secrets, id: id, count: c.count}
		v, err := other.read(ctx, "", labelCurrent)
		if err == nil && (v == nil || v.ClientID != c.found.current.ClientID) {
			continue // it was deleted, or names another client now
		}
		c.fail("client", "use that managed secret; or first delete it, or point it at another application", "the managed secret %s holds this client already", secretNameOf(id))
		return
	}
	c.ok("client", "no other managed secret holds it")
}

// secretNameOf returns the name in a secret's ARN, without the random suffix of six
// characters. Anything but an ARN is returned unchanged.
func secretNameOf(id string) string {
	parsed, err := arn.Parse(id)
	if err != nil {
		return id
	}
	name := strings.TrimPrefix(parsed.Resource, "secret:")
	if i := len(name) - len("-a1B2c3"); i > 0 && name[i] == '-' {
		name = name[:i]
	}
	return name
}
