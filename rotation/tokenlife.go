package rotation

import (
	"context"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// longestTokenLife is the longest that a custom resource's tokens can live.
const longestTokenLife = 30 * 24 * time.Hour

// tokenLife returns how long an access token of AWSCURRENT's application can live: the
// longest that any of its resources says, because the application could ask for a token for
// each. If that cannot be read, it is longestTokenLife. A custom resource obtains no
// tokens.
func (r *run) tokenLife(ctx context.Context) time.Duration {
	d := r.found.current
	if d.IsResource() {
		return 0
	}
	c := &r.found.acting.client
	var grants []pingone.Grant
	var resources []pingone.Resource
	err := parallel.Do(
		func() (err error) { grants, err = c.Grants(ctx, d.EnvironmentID, r.applicationID()); return err },
		func() (err error) { resources, err = c.Resources(ctx, d.EnvironmentID); return err },
	)
	if err != nil {
		return longestTokenLife
	}
	life := unknownTokenLife
	var all []tokenOf
	for _, res := range resources {
		if slices.ContainsFunc(grants, func(g pingone.Grant) bool { return g.ResourceID == res.ID }) {
			life = max(life, res.AccessTokenValidity)
			all = append(all, tokenOf{res.Name, res.AccessTokenValidity})
		}
	}
	slices.SortFunc(all, func(a, b tokenOf) int { return strings.Compare(a.resource, b.resource) })
	r.record.tokens = all
	return life
}

// A tokenOf is a resource for which the application may obtain tokens, and how long they
// live: 0 if PingOne does not say.
type tokenOf struct {
	resource string
	life     time.Duration
}

// A Token says when the last access token for a resource expires that may have been
// obtained with what leaked.
type Token struct {
	Resource string    `json:"resource"` // its name in PingOne
	Until    time.Time `json:"until"`
}

// tokensUntil returns when the tokens expire that were obtained with secrets that ended at
// a time.
func (rec *record) tokensUntil(ended time.Time) (all []Token) {
	for _, t := range rec.tokens {
		all = append(all, Token{t.resource, ended.Add(max(t.life, unknownTokenLife))})
	}
	return all
}

// unknownTokenLife is how long access tokens are assumed to live if nothing says more.
// Those for the PingOne API live an hour.
const unknownTokenLife = time.Hour
