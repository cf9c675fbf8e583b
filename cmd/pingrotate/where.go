package main

import (
	"context"
	"fmt"

	"pingrotate/rotation"
)

// where says in which account and Region something is done, and by which function. A
// person who has to agree sees from it that the right one is meant.
func (a *account) where(ctx context.Context) string {
	in := "an account that AWS did not name"
	if id, err := a.identity(ctx); err == nil {
		in = "account " + id.AccountID
	}
	by := "the function " + a.function
	if a.local {
		by = "this process, in place of " + by
	}
	return fmt.Sprintf("%s, %s, by %s", in, a.cfg.Region, by)
}

// clientOf names the client that a preview is about.
func clientOf(p *rotation.Preview) string {
	client := fmt.Sprintf("%s %s of environment %s", p.Kind, p.ClientID, p.EnvironmentID)
	if p.Twin != "" {
		client += ", and its twin " + p.Twin
	}
	return client
}
