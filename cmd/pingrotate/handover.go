package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/waves"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
)

// handOver starts a campaign that the stack's state machine carries out, and says its id.
func (r *rotating) handOver(c *cobra.Command, o campaign.Options, tags map[string]string, named []string) error {
	ctx := c.Context()
	w := waves.Campaign{
		Start: o.Start, Emergency: string(o.Emergency), Reason: o.Reason, Secrets: distinct(named), Tags: tags, Canary: o.Canary,
		SoakSeconds: int(time.Duration(r.fleet.soak) / time.Second), KeepGoing: o.KeepGoing, Limit: o.Rate, WithTargets: r.targets,
	}
	w.Approve = w.Canary > 0 && w.SoakSeconds == 0
	switch {
	case r.local:
		return misuse(c, "--detach leaves the work to the function, and --local does not")
	case c.Flags().Changed("concurrency"):
		return misuse(c, "--concurrency is of a campaign from this terminal; with --detach it follows from --rate")
	}
	if err := w.Check(); err != nil {
		return misuse(c, "%v", err)
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	machine, err := r.states(ctx)
	if err != nil {
		return err
	}
	if err := r.confirmHandOver(c, w); err != nil {
		return err
	}
	w.By = r.by(ctx)
	input, err := json.Marshal(w)
	if err != nil {
		return err
	}
	id, err := machine.begin(ctx, w, string(input))
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	return r.tellStarted(id)
}

// confirmHandOver asks before a campaign of secrets that were not named one by one, and
// before an emergency.
func (r *rotating) confirmHandOver(c *cobra.Command, w waves.Campaign) error {
	if w.WithTargets {
		return r.confirmTargets(c, rotation.Action{
			Action: rotation.ActionRotate, SecretID: w.Leaked(), Emergency: rotation.Emergency(w.Emergency), Reason: w.Reason,
		})
	}
	names := w.Secrets
	if len(names) == 0 {
		var err error
		if names, _, err = r.selected(c.Context(), w.Tags, w.Emergency != ""); err != nil {
			return err
		}
	}
	question := r.questionOfMany(c.Context(), names, len(w.Secrets) > 0)
	if question == "" || len(w.Secrets) > 0 && w.Emergency == "" {
		return nil
	}
	return r.confirm(c, question, strconv.Itoa(len(names)), r.yes)
}

// tellStarted writes the id of a campaign that a state machine carries out.
func (p *program) tellStarted(id string) error {
	p.note("started; pingrotate campaign watch %s follows it, and campaign stop ends it", id)
	if p.json() {
		return p.write(struct {
			Campaign string `json:"campaign"`
		}{id})
	}
	page := p.page()
	page.say("%s", id)
	return page.err
}

// soaks checks the flags of which --detach is one.
func (f *fleetFlags) soaks() error {
	switch {
	case f.soak > 0 && !f.detach:
		return errors.New("--soak needs --detach: this terminal would have to wait")
	case f.soak > 0 && f.canary == 0:
		return errors.New("--soak needs --canary")
	case time.Duration(f.soak)%time.Second != 0:
		return errors.New("--soak must be whole seconds")
	}
	return nil
}
