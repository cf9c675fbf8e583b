package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"pingrotate/internal/belief"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// PingOne is the suite for one environment. It creates applications, custom resources,
// populations and users there.
type PingOne struct {
	Environment pingone.Environment
	Admin       pingone.Credential // may belong to another environment
	HTTP        *http.Client       // nil means http.DefaultClient
	Clock       Clock
	Run         string // part of the name of everything that is created

	token    *pingone.Token // the admin's
	resource sharedResource
	shared   Inquiry // what Close removes
}

// sharedResource is the resource that most probes request tokens for.
type sharedResource struct{ id, scope string }

// Plan says what a run does.
func (p *PingOne) Plan() Plan {
	return Plan{
		Creates: []string{
			"applications, up to 4 at a time, among them workers that hold roles in the environment",
			"custom resources, 2 at a time", "a population with 2 users",
		},
		Rights: []string{
			"Environment Admin in the environment: applications, secrets, resources, grants, roles",
			"Identity Data Admin in the environment: populations and users; without it, what needs a user is not decided",
		},
		Cost:   "no money; some 900 calls, which count against the licence's limit of 600 a minute for configuration",
		Leaves: "nothing; what an interrupted run leaves, the next one removes. PingOne's audit log keeps a record of it",
		Lasts:  10 * time.Minute,
	}
}

// Beliefs implements [Suite].
func (p *PingOne) Beliefs() []belief.Belief { return pingonetest.Beliefs() }

// Probes implements [Suite].
func (p *PingOne) Probes() []Probe {
	var all []Probe
	for _, group := range [][]pingOneProbe{secretProbes, tokenProbes, assertionProbes, applicationProbes, roleProbes, resourceProbes, userProbes} {
		for _, one := range group {
			all = append(all, Probe{one.belief, one.leans, func(q *Inquiry) { one.ask(&pingOneInquiry{Inquiry: q, suite: p}) }})
		}
	}
	return all
}

// Reasons implements [Suite].
func (p *PingOne) Reasons() map[string]string { return pingOneReasons }

type pingOneProbe struct {
	belief string
	leans  bool
	ask    func(*pingOneInquiry)
}

// pingOneReasons says why some beliefs have no probe.
var pingOneReasons = map[string]string{
	"B01": "only an imported application has a client id that is not its id, and PingOne must enable imports for an environment",
	"B22": "finding the limit means reaching it, for every program that uses the licence",
	"B34": "needs an environment with a custom domain; the function's own testSecret shows it there",
	"B73": "needs an environment with a custom domain",
}

// Sweep implements [Suite]. It recognizes what earlier runs created by the prefix of its
// name and the marker in its description, and users by their population.
func (p *PingOne) Sweep(ctx context.Context) ([]string, error) {
	var swept []string
	for _, collection := range []string{"applications", "resources", "populations"} {
		q := p.inquiry(ctx, "sweep")
		for _, found := range q.listAll("/" + collection) {
			name, _ := found["name"].(string)
			description, _ := found["description"].(string)
			id, _ := found["id"].(string)
			if !strings.HasPrefix(name, Prefix) || !strings.Contains(description, marker) {
				continue
			}
			if collection == "populations" {
				users, err := q.sweepUsers(id)
				swept = append(swept, users...)
				if err != nil {
					return swept, err
				}
			}
			if err := q.remove("/" + collection + "/" + id); err != nil {
				return swept, fmt.Errorf("%s: %w", name, err)
			}
			swept = append(swept, strings.TrimSuffix(collection, "s")+" "+name)
		}
		// An admin that may not read populations has left none behind.
		if q.obstacle != nil && collection != "populations" {
			return swept, q.obstacle
		}
	}
	return swept, nil
}

// sweepUsers removes the users in a population that an earlier run created.
func (q *pingOneInquiry) sweepUsers(population string) (swept []string, err error) {
	for _, user := range q.listAll("/users?filter=" + filter("population.id", population)) {
		username, _ := user["username"].(string)
		id, _ := user["id"].(string)
		if !strings.HasPrefix(username, Prefix) {
			continue
		}
		if err := q.remove("/users/" + id); err != nil {
			return swept, fmt.Errorf("%s: %w", username, err)
		}
		swept = append(swept, "user "+username)
	}
	return swept, nil
}

// Close implements [Suite].
func (p *PingOne) Close(ctx context.Context) error {
	p.shared.ctx = ctx
	_, err := p.shared.clean()
	p.shared = Inquiry{}
	return err
}

func (p *PingOne) inquiry(ctx context.Context, belief string) *pingOneInquiry {
	return &pingOneInquiry{Inquiry: &Inquiry{ctx: ctx, clock: p.Clock, belief: belief}, suite: p}
}
