package conformance

import (
	"context"
	"errors"
	"net/http"
)

// A Lent is a throw-away application that obtains tokens with its secret.
type Lent struct{ ID, Secret string }

// Lend creates an application that obtains tokens, for something else than a probe.
// Close removes it.
func (p *PingOne) Lend(ctx context.Context) (Lent, error) {
	q := p.inquiry(ctx, "trial")
	c := q.consumer(nil)
	p.shared.cleanup = append(p.shared.cleanup, q.cleanup...)
	p.shared.created = append(p.shared.created, q.created...)
	return Lent{c.id, c.secret}, q.obstacle
}

// Holds returns the secrets that PingOne shows of an application; the previous one is
// "" where there is none.
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

// Keep creates a throw-away secret with what the function makes of its name, and returns
// the name. Close removes it.
func (a *AWS) Keep(ctx context.Context, purpose string, value func(name string) (string, error)) (name string, err error) {
	name = Prefix + a.Run + "-" + purpose
	q := &awsInquiry{Inquiry: &Inquiry{ctx: ctx, clock: a.Clock, belief: "trial"}, suite: a}
	text, err := value(name)
	if err != nil {
		return "", err
	}
	a.shared.later("secret "+name, func(ctx context.Context) error {
		return (&awsInquiry{Inquiry: &Inquiry{ctx: ctx, clock: a.Clock}, suite: a}).deleteSecret(name)
	})
	q.must("create a secret", q.secrets("CreateSecret", object{
		"Name": name, "Description": marker, "ClientRequestToken": newUUID(), "SecretString": text,
	}))
	return name, q.obstacle
}

// Current returns the value that is AWSCURRENT.
func (a *AWS) Current(ctx context.Context, name string) (string, error) {
	q := &awsInquiry{Inquiry: &Inquiry{ctx: ctx, clock: a.Clock, belief: "trial"}, suite: a}
	r := q.must("read a secret", q.secrets("GetSecretValue", object{"SecretId": name}))
	if q.obstacle == nil && r.text("SecretString") == "" {
		return "", errors.New("the secret has no text")
	}
	return r.text("SecretString"), q.obstacle
}

// Table creates a throw-away table that has the keys of the register's. Close removes it.
func (a *AWS) Table(ctx context.Context) (string, error) {
	q := &awsInquiry{Inquiry: &Inquiry{ctx: ctx, clock: a.Clock, belief: "trial"}, suite: a}
	name := q.tableFor()
	if q.skipped != "" {
		return "", errors.New(q.skipped)
	}
	return name, q.obstacle
}
