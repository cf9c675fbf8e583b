package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/internal/waves"
	"pingrotate/rotation"
)

// lastCampaign is the value of --resume where it is given without a time.
const lastCampaign = "last"

// takeTime takes the time of --resume from among the arguments: a flag whose value may be
// left out leaves there what stands behind it. No secret has such a name.
func (f *fleetFlags) takeTime(args []string) []string {
	if f.resume != lastCampaign {
		return args
	}
	i := slices.IndexFunc(args, func(arg string) bool { _, err := time.Parse(time.RFC3339, arg); return err == nil })
	if i < 0 && len(args) == 1 && (f.all || len(f.tags) > 0) {
		i = 0 // which is no time, and nothing else either
	}
	if i < 0 {
		return args
	}
	f.resume = args[i]
	return slices.Delete(slices.Clone(args), i, i+1)
}

// recordOf returns what the register keeps of a campaign from a terminal.
func recordOf(o campaign.Options, tags map[string]string, secrets []string, named bool) waves.Campaign {
	w := waves.Campaign{Start: o.Start, Emergency: string(o.Emergency), Reason: o.Reason, By: o.By, Tags: tags}
	if named {
		w.Secrets = secrets
	}
	return w
}

// record has the function note that a campaign begins or is over, so that it can be resumed
// without its time. Where that fails the time is needed, which the command has said.
func (r *rotating) record(ctx context.Context, call campaign.Call, w waves.Campaign, over bool) {
	limited, cancel := context.WithTimeout(ctx, previewLimit)
	defer cancel()
	if _, err := call(limited, rotation.Action{Action: rotation.ActionNote, Campaign: &w, Over: over}); err != nil && ctx.Err() == nil {
		r.note("the register does not know of this campaign, so that --resume needs its time: %s", oneLine(remedy.Text(err)))
	}
}

// lastUnfinished returns the start of the campaign of these secrets that did not end well.
// It refuses to choose between two.
func (r *rotating) lastUnfinished(ctx context.Context, call campaign.Call, w waves.Campaign) (time.Time, error) {
	raw, err := call(ctx, rotation.Action{Action: rotation.ActionUnfinished})
	if err != nil {
		return time.Time{}, err
	}
	all, err := readJSON[rotation.Unfinished](raw)
	if err != nil {
		return time.Time{}, err
	}
	var starts, others []string
	var start time.Time
	for _, c := range all.Campaigns {
		at := c.Start.UTC().Format(campaign.StartFormat)
		if sameCampaign(c, w) {
			start, starts = c.Start, append(starts, at)
		} else {
			others = append(others, at)
		}
	}
	switch {
	case len(starts) == 1:
		return start, nil
	case len(starts) > 1:
		return start, remedy.Errorf("give the time of the one that you mean, as in --resume "+starts[0], "rotate: %s of these secrets did not end well: %s", counted(len(starts), "campaign"), strings.Join(starts, ", "))
	case len(others) > 0:
		return start, remedy.Errorf("give everything as before, or the time with --resume", "rotate: no campaign of these secrets is unfinished, but of others: %s", enumerated(others))
	}
	return start, remedy.Errorf("give its time with --resume; pingrotate campaign redrive continues one of a state machine", "rotate: the register knows of no campaign that is unfinished")
}

// sameCampaign reports whether two campaigns are about the same secrets, in the same way.
func sameCampaign(a, b waves.Campaign) bool {
	return a.Emergency == b.Emergency && maps.Equal(a.Tags, b.Tags) &&
		slices.Equal(slices.Sorted(slices.Values(a.Secrets)), slices.Sorted(slices.Values(b.Secrets)))
}
