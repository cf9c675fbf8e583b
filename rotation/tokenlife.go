package rotation

import (
	"context"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// longestTokenLife is the most that a custom resource's tokens live.
const longestTokenLife = 30 * 24 * time.Hour

// tokenLife returns how long an access token of AWSCURRENT's application can live: the
// longest of what its resources say, as it could ask for a token for each of them. What
// cannot be read counts as the longest of all. A custom resource has none.
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

// A tokenOf is a resource that the application may obtain tokens for, and how long they
// live; 0 where PingOne does not say.
type tokenOf struct {
	resource string
	life     time.Duration
}

// A Token is the last access token for a resource that may have been obtained with what
// leaked.
type Token struct {
	Resource string    `json:"resource"` // its name in PingOne
	Until    time.Time `json:"until"`
}

// tokensUntil returns them, for secrets that have ended at a time.
func (rec *record) tokensUntil(ended time.Time) (all []Token) {
	for _, t := range rec.tokens {
		all = append(all, Token{t.resource, ended.Add(max(t.life, unknownTokenLife))})
	}
	return all
}

// unknownTokenLife is how long access tokens are taken to live where nothing says more:
// those for the PingOne API live an hour.
const unknownTokenLife = time.Hour
