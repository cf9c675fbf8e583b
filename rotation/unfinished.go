package rotation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/waves"
)

const (
	// terminals takes the place of a campaign's id in the notes about campaigns run from a
	// terminal, without a state machine.
	terminals = "terminals"

	noteBegun = "begun" // identified by the campaign's id

	// begunKept is how long a campaign can be resumed without giving its start.
	begunKept = 14 * 24 * time.Hour
)

// A begun is the note about a campaign run from a terminal.
type begun struct {
	Campaign waves.Campaign `json:"campaign"`
	Over     bool           `json:"over,omitempty"` // all of its secrets have ended well
}

// Unfinished lists the campaigns run from a terminal that did not end well, or are still
// running, the newest first.
type Unfinished struct {
	Campaigns []waves.Campaign `json:"campaigns"`
}

// noteCampaign records that a campaign run from a terminal begins or is over. The note
// serves only to resume the campaign without giving its start.
func (r *Rotator) noteCampaign(ctx context.Context, a Action) (*Unfinished, error) {
	text, err := json.Marshal(begun{*a.Campaign, a.Over})
	if err == nil {
		err = r.table().Note(ctx, terminals, register.Note{Kind: noteBegun, Of: a.Campaign.ID(), Text: text}, begunKept)
	}
	if err != nil {
		return nil, err
	}
	r.log().InfoContext(ctx, "rotation action", "action", a.Action, "outcome", string(OK), "campaign", a.Campaign.ID(), claimedBy, a.Campaign.By, "over", a.Over)
	return &Unfinished{Campaigns: []waves.Campaign{}}, nil
}

// unfinished lists the campaigns run from a terminal that did not end well.
func (r *Rotator) unfinished(ctx context.Context, a Action) (*Unfinished, error) {
	all := &Unfinished{Campaigns: []waves.Campaign{}}
	for n, err := range r.table().Notes(ctx, terminals, noteBegun) {
		if err != nil {
			return nil, err
		}
		var b begun
		if json.Unmarshal(n.Text, &b) != nil || b.Campaign.ID() != n.Of {
			return nil, fmt.Errorf("read which campaigns have begun: the row of %s is not this program's", n.Of)
		}
		if !b.Over {
			all.Campaigns = append(all.Campaigns, b.Campaign)
		}
	}
	slices.SortFunc(all.Campaigns, func(a, b waves.Campaign) int { return b.Start.Compare(a.Start) })
	r.log().InfoContext(ctx, "rotation action", "action", a.Action, "outcome", string(OK), "campaigns", len(all.Campaigns))
	return all, nil
}
