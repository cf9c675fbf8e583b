package conformance

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A Lent is a throw-away application that obtains tokens with its secret.
type Lent struct{ ID, Secret string }

// Lend creates an application that obtains tokens, for a use other than a probe. The
// purpose is in its name. Close removes it.
func (p *PingOne) Lend(ctx context.Context, purpose string) (Lent, error) {
	q := p.inquiry(ctx, purpose)
	c := q.consumer(nil)
	p.shared.cleanup = append(p.shared.cleanup, q.cleanup...)
	p.shared.created = append(p.shared.created, q.created...)
	return Lent{c.id, c.secret}, q.obstacle
}

// Holds returns the secrets that PingOne shows for an application. The previous one is ""
// if there is none.
func (p *PingOne) Holds(ctx context.Context, id string) (secret, previous string, err error) {
	q := p.inquiry(ctx, "trial")
	r := q.must(http.MethodGet, "/applications/"+id+"/secret", nil)
	return r.text("secret"), r.text("previous", "secret"), q.obstacle
}

// EndPrevious ends the previous secret of an application that [PingOne.Lend] made.
func (p *PingOne) EndPrevious(ctx context.Context, id string) error {
	q := p.inquiry(ctx, "trial")
	return q.remove("/applications/" + id + "/secret")
}

// NameOf returns the name that [AWS.Keep] gives to a secret.
func (a *AWS) NameOf(purpose string) string { return Prefix + a.Run + "-" + purpose }

func (a *AWS) lending(ctx context.Context) *awsInquiry {
	return &awsInquiry{Inquiry: &Inquiry{ctx: ctx, clock: a.Clock, belief: "trial"}, suite: a}
}

// Keep creates a throw-away secret whose value is computed from its name, and returns the
// name. Close removes it.
func (a *AWS) Keep(ctx context.Context, purpose string, value func(name string) (string, error)) (name string, err error) {
	name = a.NameOf(purpose)
	q := a.lending(ctx)
	text, err := value(name)
	if err != nil {
		return "", err
	}
	q.create(&a.shared, name, object{
		"Name": name, "Description": marker, "ClientRequestToken": newUUID(), "SecretString": text,
	})
	return name, q.obstacle
}

// Current returns the value of the version labelled AWSCURRENT.
func (a *AWS) Current(ctx context.Context, name string) (string, error) {
	q := a.lending(ctx)
	r := q.must("read a secret", q.secrets("GetSecretValue", object{"SecretId": name}))
	if q.obstacle == nil && r.text("SecretString") == "" {
		return "", errors.New("the secret has no text")
	}
	return r.text("SecretString"), q.obstacle
}

// A Rotation is how far Secrets Manager has come with a secret's rotation.
type Rotation struct {
	Enabled          bool
	Current, Pending string // version ids; "" for none
	Filled           bool   // the pending one has a value
	Rotated, Next    time.Time
}

// Rotation returns the state of a secret's rotation.
func (a *AWS) Rotation(ctx context.Context, name string) (Rotation, error) {
	q := a.lending(ctx)
	return q.rotationOf(name), q.obstacle
}

func (q *awsInquiry) rotationOf(name string) (now Rotation) {
	d := q.must("describe a secret", q.secrets("DescribeSecret", object{"SecretId": name}))
	now.Current, now.Pending = holder(d, "AWSCURRENT"), holder(d, "AWSPENDING")
	now.Enabled = d.at("RotationEnabled") == true
	for member, into := range map[string]*time.Time{"LastRotatedDate": &now.Rotated, "NextRotationDate": &now.Next} {
		if seconds, ok := d.at(member).(float64); ok {
			*into = time.UnixMilli(int64(seconds * 1000))
		}
	}
	if now.Pending != "" && now.Pending != now.Current {
		now.Filled = q.secrets("GetSecretValue", object{"SecretId": name, "VersionId": now.Pending}).status == http.StatusOK
	}
	return now
}

// CancelLater makes Close cancel the rotation of a secret that [AWS.Keep] made, before it
// removes the secret.
func (a *AWS) CancelLater(name string) {
	a.shared.later("rotation of "+name, func(ctx context.Context) error { return a.lending(ctx).cancelRotation(name) })
}

// Rotate makes Secrets Manager rotate at once a secret that has a function, and returns the
// id of the rotation's version.
func (a *AWS) Rotate(ctx context.Context, name string) (version string, err error) {
	q := a.lending(ctx)
	r := q.must("rotate a secret", q.secrets("RotateSecret", object{"SecretId": name, "ClientRequestToken": newUUID()}))
	return r.text("VersionId"), q.obstacle
}

// Await waits, up to the limit, until Secrets Manager has completed the rotation of this
// version: the version is AWSCURRENT, no other version is AWSPENDING, and the date of the
// last rotation has changed since was. Tell is called after each look.
func (a *AWS) Await(ctx context.Context, name, version string, was time.Time, limit time.Duration, tell func(Rotation, time.Duration)) (now Rotation, complete bool, err error) {
	q := a.lending(ctx)
	begun := q.clock.now()
	_, complete = q.until(begun, limit, func() bool {
		now = q.rotationOf(name)
		if !q.blocked() {
			tell(now, q.clock.now().Sub(begun))
		}
		return now.Current == version && (now.Pending == "" || now.Pending == version) && !now.Rotated.Equal(was)
	})
	return now, complete, q.obstacle
}

// Table creates a throw-away table with the register's keys. Close removes it.
func (a *AWS) Table(ctx context.Context) (string, error) {
	q := a.lending(ctx)
	name := q.tableFor()
	if q.skipped != "" {
		return "", errors.New(q.skipped)
	}
	return name, q.obstacle
}
