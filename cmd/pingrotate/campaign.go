package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/internal/waves"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/spf13/cobra"
)

// campaignVerbs are what can be done with campaigns, in the order of the help.
var campaignVerbs = []string{"list", "show", "watch", "approve", "stop", "redrive"}

func newCampaign(p *program) *cobra.Command {
	yes := false
	c := &cobra.Command{
		GroupID: "act",
		Use:     "campaign list|show|watch|approve|stop|redrive [ID]",
		Short:   "Follow and steer campaigns of the state machine",
		Long: `Follows and steers the campaigns that rotate has left to the stack's state machine,
which the template makes with the parameter Campaigns.

    list             the last campaigns, the newest first
    show ID          how one stands, and what did not end well
    watch ID         the same, until it has ended
    approve ID       the canaries are well: rotate the others
    stop ID          what is under way ends, and nothing else begins; also the
                     answer no after the canaries
    redrive ID       start it again: what has ended well stays as it is, what is
                     half done is finished

Exit status 1 means that the campaign has ended, and not every secret has ended well.`,
		Example: `    pingrotate campaign list
    pingrotate campaign watch 2026-11-27T03-00-00.000Z
    pingrotate campaign approve 2026-11-27T03-00-00.000Z`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return misuse(c, "what? give %s", strings.Join(campaignVerbs, ", "))
			case !slices.Contains(campaignVerbs, args[0]):
				return misuse(c, "there is no %q%s", args[0], didYouMean(args[0], campaignVerbs))
			case args[0] == "list":
				return takes(1, 1, "")(c, args)
			}
			return takes(2, 2, "id of a campaign")(c, args)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return campaignVerbs, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			call, err := p.call(ctx)
			if err != nil {
				return err
			}
			machine, err := p.states(ctx)
			if err != nil {
				return err
			}
			if args[0] == "list" {
				return p.listCampaigns(ctx, machine)
			}
			r, err := machine.find(ctx, args[1])
			if err != nil {
				return fmt.Errorf("campaign %s: %w", args[0], err)
			}
			switch args[0] {
			case "show":
				err = p.showCampaign(ctx, call, r)
			case "watch":
				err = p.watchCampaign(ctx, call, machine, r)
			case "approve":
				err = p.approveCampaign(ctx, machine, r)
			case "stop":
				err = p.stopCampaign(c, call, machine, r, yes)
			case "redrive":
				err = p.redriveCampaign(ctx, machine, r)
			}
			if err != nil {
				return fmt.Errorf("campaign %s: %w", args[0], err)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// maxListed is how many campaigns are listed.
const maxListed = 20

func (p *program) listCampaigns(ctx context.Context, s *states) error {
	out, err := s.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: &s.machine, MaxResults: maxListed})
	if err != nil {
		return s.explain("list the campaigns", "states:ListExecutions", err)
	}
	var rows [][]cell
	for _, e := range out.Executions {
		r := run{ID: aws.ToString(e.Name), Status: e.Status, Started: aws.ToTime(e.StartDate), Ended: aws.ToTime(e.StopDate)}
		if p.json() {
			if err := p.write(r); err != nil {
				return err
			}
			continue
		}
		ended := "-"
		if !r.Ended.IsZero() {
			ended = r.Ended.UTC().Format(time.DateTime)
		}
		rows = append(rows, row(r.ID, strings.ToLower(string(r.Status)), r.Started.UTC().Format(time.DateTime), ended))
	}
	if p.json() {
		return nil
	}
	page := p.page()
	if len(rows) == 0 {
		page.say("There has been no campaign. pingrotate rotate --all --detach starts one.")
		return page.err
	}
	page.table([]column{{"CAMPAIGN", 0}, {"STATUS", 0}, {"STARTED", 1}, {"ENDED", 2}}, rows)
	return page.err
}

// showCampaign says how a campaign stands. The error is of one that has ended, and not
// well.
func (p *program) showCampaign(ctx context.Context, call campaign.Call, r run) error {
	sum, err := r.tally(ctx, call, "")
	if err != nil {
		return err
	}
	if p.json() {
		err = p.write(struct {
			run
			Summary waves.Summary `json:"summary"`
		}{r, sum})
	} else {
		page := p.page()
		page.say("%s %s%s", r.ID, strings.ToLower(string(r.Status)), whatItDoes(r))
		if r.Waiting {
			page.say("canaries: %s", enumerated(sum.Rotated))
		}
		err = tellSummary(page, campaignSummary(sum), false)
		err = errors.Join(err, page.err)
	}
	switch {
	case err != nil || r.running():
		return err
	case r.Status == "SUCCEEDED":
		return nil
	case sum.Stopped != "":
		return remedy.Errorf("when that is dealt with, pingrotate campaign redrive "+r.ID, "stopped, %s; %d of %d secrets not rotated", sum.Stopped, len(sum.Unwell)+sum.Left, sum.Planned)
	}
	return remedy.Errorf("when the errors are dealt with, pingrotate campaign redrive "+r.ID, "not every secret has ended well")
}

func whatItDoes(r run) string {
	switch {
	case r.Waiting:
		return ", waits for campaign approve or campaign stop"
	case !r.running():
		return ""
	case r.Phase == waves.Canary:
		return ", rotates the canaries"
	case r.Phase == waves.Confirm:
		return ", waits for the soak time"
	}
	return ""
}

// watchPause is the time between two looks at a campaign.
const watchPause = 5 * time.Second

// watchCampaign shows how a campaign stands until it has ended.
func (p *program) watchCampaign(ctx context.Context, call campaign.Call, s *states, r run) error {
	m := &meter{w: p.err, width: p.errWide}
	defer m.clear()
	asked := false
	for r.running() {
		sum, err := r.tally(ctx, call, "")
		if err != nil {
			return err
		}
		if !p.quiet {
			m.show(campaign.Standing{Summary: campaignSummary(sum)})
		}
		if r.Waiting && !asked {
			m.clear()
			p.note("the canaries have new secrets: %s. Look at their consumers, then pingrotate campaign approve %s, or stop", enumerated(sum.Rotated), r.ID)
		}
		asked = r.Waiting
		if err := wait(ctx, watchPause); err != nil {
			return err
		}
		if r, err = s.find(ctx, r.ID); err != nil {
			return err
		}
	}
	m.clear()
	return p.showCampaign(ctx, call, r)
}

func (p *program) approveCampaign(ctx context.Context, s *states, r run) error {
	if !r.Waiting {
		return remedy.Errorf("pingrotate campaign show "+r.ID+" says what it does", "%s waits for no one", r.ID)
	}
	if _, err := s.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &r.token, Output: aws.String("{}")}); err != nil {
		return s.explain("approve "+r.ID, "states:SendTaskSuccess", err)
	}
	p.note("%s continues", r.ID)
	return nil
}

// stopCampaign stops a campaign. Its summary comes as at every end.
func (p *program) stopCampaign(c *cobra.Command, call campaign.Call, s *states, r run, yes bool) error {
	ctx := c.Context()
	if !r.running() {
		return remedy.Errorf("pingrotate campaign show "+r.ID+" says how", "%s has ended", r.ID)
	}
	if err := p.confirm(c, "This ends the campaign "+r.ID+". Rotations that are under way end, and no other begins.", "stop", yes); err != nil {
		return err
	}
	if _, err := r.tally(ctx, call, "stopped by "+last(p.by(ctx), 200)); err != nil {
		return err
	}
	if r.Waiting {
		in := &sfn.SendTaskFailureInput{TaskToken: &r.token, Error: aws.String("Declined"), Cause: aws.String("a person said no after the canaries")}
		if _, err := s.SendTaskFailure(ctx, in); err != nil {
			return s.explain("stop "+r.ID, "states:SendTaskFailure", err)
		}
	}
	p.note("%s begins no other rotation", r.ID)
	return nil
}

func (p *program) redriveCampaign(ctx context.Context, s *states, r run) error {
	if r.running() {
		return remedy.Errorf("stop it first with pingrotate campaign stop "+r.ID, "%s is running", r.ID)
	}
	id, err := s.begin(ctx, r.Campaign, r.input)
	if err != nil {
		return err
	}
	return p.tellStarted(id)
}
