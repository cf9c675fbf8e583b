package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
	"pingrotate/internal/waves"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// The kinds of notes that the items of a campaign write, and what identifies each note.
const (
	noteEnding  = "ending"  // the secret's name
	noteLimited = "limited" // the time and the secret's name
	noteLooked  = "looked"  // the first secret of the batch
	noteHalt    = "halt"    // the time
)

// How long notes are kept.
const (
	campaignKept = register.DefaultRetention
	auditKept    = 7 * 24 * time.Hour
)

// planCampaign says what the state machine of a campaign does next. It only lists secrets and
// changes nothing. If it returns an error, the state machine tries again.
func (r *Rotator) planCampaign(ctx context.Context, a Action) (*waves.Plan, error) {
	c := *a.Campaign
	t, err := r.readTally(ctx, c)
	if err != nil {
		return nil, err
	}
	p := waves.Next(c, a.Memory, t, r.PingOne.Time().UTC())
	switch {
	case c.WithTargets && !p.Memory.End:
		err = r.fillTargets(ctx, c, t, p)
	case !p.Wants() || p.Memory.End:
	case len(c.Secrets) > 0:
		at := a.Memory.Skip
		for ; at < len(c.Secrets) && !p.Full(); at++ {
			p.Add(c.Secrets[at])
		}
		p.Memory.Skip, p.Memory.End = at, at >= len(c.Secrets)
	case c.Audit && !a.Memory.Urgent:
		err = r.fillUrgent(ctx, p)
	default:
		err = r.fill(ctx, c.Tags, p)
	}
	if err != nil {
		return nil, err
	}
	if p.Wants() && (p.Memory.End || len(p.Items) == 0) {
		p.Close()
	}
	r.log().InfoContext(ctx, "rotation action", "action", a.Action, "outcome", string(OK), "campaign", c.ID(),
		"phase", string(p.Phase), "items", len(p.Items), "concurrency", p.Concurrency, "holdSeconds", p.HoldSeconds)
	if p.Phase == waves.Done && c.Audit {
		r.emitWalk(t, p.Memory.End)
	}
	return p, nil
}

// fill adds secrets from the point of the list that the last plan reached.
func (r *Rotator) fill(ctx context.Context, tags map[string]string, p *waves.Plan) error {
	m := &p.Memory
	for again := false; ; {
		page, next, err := r.listPage(ctx, m.Token, new(counter))
		if refused, ok := errors.AsType[*types.InvalidNextTokenException](err); ok && m.Token != "" && !again {
			// The token has expired; Secrets Manager does not document after how long. Start
			// again: secrets that have ended are not added twice.
			r.log().WarnContext(ctx, "list the secrets from the beginning", "error", refused.ErrorCode())
			again, m.Token, m.Skip = true, "", 0
			continue
		}
		if err != nil {
			return err
		}
		for ; m.Skip < len(page); m.Skip++ {
			if p.Full() {
				return nil
			}
			switch e := page[m.Skip]; {
			case !r.owns(aws.ToString(e.RotationLambdaARN)) || !tagged(e.Tags, tags):
			case !aws.ToBool(e.RotationEnabled) && !p.Order.Audit && p.Order.Emergency == "":
				m.LeftOut(aws.ToString(e.Name)) // not in an emergency: it leaked with the others
			default:
				p.Add(aws.ToString(e.Name))
			}
		}
		if m.Token, m.Skip = next, 0; next == "" {
			m.End = true
			return nil
		}
	}
}

// fillUrgent adds the urgent secrets, with which an audit starts. It reads the whole list
// for them, a hundred secrets a call. If there are none, it adds secrets from the start of
// the list; if there are more than fit, the rest get their turn in the list.
func (r *Rotator) fillUrgent(ctx context.Context, p *waves.Plan) error {
	p.Memory.Urgent = true
	for token := ""; ; {
		page, next, err := r.listPage(ctx, token, new(counter))
		if err != nil {
			return err
		}
		for _, e := range page {
			if r.owns(aws.ToString(e.RotationLambdaARN)) && listed(e).urgent() && !p.Full() {
				p.Add(aws.ToString(e.Name))
			}
		}
		if token = next; next == "" {
			break
		}
	}
	if len(p.Items) > 0 {
		return nil
	}
	return r.fill(ctx, nil, p)
}

// listPage returns one page of ListSecrets and the token of the next page, "" after the last.
func (r *Rotator) listPage(ctx context.Context, token string, count *counter) (page []types.SecretListEntry, next string, err error) {
	if r.FunctionARN == "" {
		return nil, "", remedy.With(errors.New("list the secrets of this function: its own ARN is not known"), "name it with --function")
	}
	in := &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(100)}
	if token != "" {
		in.NextToken = &token
	}
	out, err := r.Secrets.ListSecrets(ctx, in, count.requests)
	if err != nil {
		return nil, "", secretsManagerError("list the secrets", err)
	}
	return out.SecretList, aws.ToString(out.NextToken), nil
}

// owns reports whether a secret with this rotation function belongs to this function. So
// does one attached by a version or alias: each examination reports what is wrong with it.
func (r *Rotator) owns(function string) bool {
	return function == r.FunctionARN || r.qualified(function) != nil
}

// tagged reports whether all the wanted tags are present.
func tagged(tags []types.Tag, wanted map[string]string) bool {
	found := 0
	for _, t := range tags {
		if value, ok := wanted[aws.ToString(t.Key)]; ok && value == aws.ToString(t.Value) {
			found++
		}
	}
	return found == len(wanted)
}

// readTally reads the notes that the items of a campaign have written.
func (r *Rotator) readTally(ctx context.Context, c waves.Campaign) (t waves.Tally, err error) {
	for n, err := range r.table().Notes(ctx, c.ID(), "") {
		if err != nil {
			return t, err
		}
		switch n.Kind {
		case noteEnding:
			err = decodeNote(n, &t.Endings)
		case noteLimited:
			err = decodeNote(n, &t.Limited)
		case noteLooked:
			err = decodeNote(n, &t.Looked)
		case noteHalt:
			err = decodeNote(n, &t.Halts)
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// decodeNote decodes a note and appends it.
func decodeNote[T any](n register.Note, all *[]T) error {
	var one T
	if err := json.Unmarshal(n.Text, &one); err != nil {
		return fmt.Errorf("read what a campaign has done: a row of kind %s is not this program's", n.Kind)
	}
	*all = append(*all, one)
	return nil
}

// writeNote stores a note about an item of a campaign. If that fails, the note is only in
// the log, and the campaign's summary counts the secret as left over.
func (r *Rotator) writeNote(ctx context.Context, c waves.Campaign, kind, of string, what any) {
	kept := campaignKept
	if c.Audit {
		kept = auditKept
	}
	text, err := json.Marshal(what)
	if err == nil {
		err = r.table().Note(ctx, c.ID(), register.Note{Kind: kind, Of: of, Text: text}, kept)
	}
	if err != nil {
		r.log().ErrorContext(ctx, "the register keeps no note of this item", "campaign", c.ID(), "of", of, "error", err.Error())
	}
}

// haltReason returns why the campaign was halted, or "". It returns "" too if the register
// cannot be read; then nothing is minted anyway.
func (r *Rotator) haltReason(ctx context.Context, c waves.Campaign) string {
	var t waves.Tally
	for n, err := range r.table().Notes(ctx, c.ID(), noteHalt) {
		if err != nil || decodeNote(n, &t.Halts) != nil {
			break
		}
	}
	return t.Halted(c.Since)
}

// recordHalt halts a campaign: items that have begun run to their end, and no other begins.
func (r *Rotator) recordHalt(ctx context.Context, c waves.Campaign, why string) error {
	at := r.PingOne.Time().UTC()
	text, err := json.Marshal(waves.Halt{Why: why, At: at})
	if err != nil {
		return err
	}
	return r.table().Note(ctx, c.ID(), register.Note{Kind: noteHalt, Of: strconv.FormatInt(at.UnixNano(), 10), Text: text}, campaignKept)
}

// rotateItem rotates one secret of a campaign, unless the campaign was halted. It checks that
// itself, because a state machine that stops need not cancel the items that it has started and
// that wait for their turn.
func (r *Rotator) rotateItem(ctx context.Context, a Action) *waves.Ending {
	c := *a.Campaign
	if why := r.haltReason(ctx, c); why != "" {
		e := waves.Ending{Secret: a.SecretID, Outcome: waves.Left, At: r.PingOne.Time().UTC()}.Judged(false)
		return &e
	}
	one := Action{
		Action: ActionRotate, SecretID: a.SecretID, Reason: c.Reason, By: c.By, Emergency: Emergency(c.Emergency),
		ClientRequestToken: waves.Token(c.Start, c.Emergency, a.SecretID),
	}
	if c.Emergency == "" {
		// Not in an emergency: a scheduled rotation since the start has left the leaked secret
		// alive for its grace, so only the token shows what this campaign has done. Dates of
		// versions may be rounded to the second; a version of the second in which the campaign
		// started counts as older.
		one.IfStoredBefore = c.Start.Truncate(time.Second).Add(time.Second)
	}
	rep := r.rotate(ctx, one)
	e := waves.Ending{
		Secret: a.SecretID, Outcome: string(rep.Outcome), Error: rep.Error, Unverified: rep.Unverified,
		Calls: rep.Calls.PingOneAPI, At: rep.Ended,
	}.Judged(rep.RateLimited)
	kind, of := noteEnding, e.Secret
	if e.Again == waves.RateLimited {
		kind, of = noteLimited, strconv.FormatInt(e.At.UnixNano(), 10)+"#"+e.Secret
	}
	r.writeNote(ctx, c, kind, of, e)
	if c.Stops(e) {
		why := e.Secret + ": a rotation failed"
		switch {
		case e.Unverified:
			why = e.Secret + ": the new secret was refused"
		case rep.Outcome == Open:
			why = e.Secret + ": a leaked secret may still work"
		}
		if err := r.recordHalt(ctx, c, why); err != nil {
			r.log().ErrorContext(ctx, "record in the register that the campaign is halted", "campaign", c.ID(), "error", err.Error())
		}
	}
	return &e
}

// auditBatch examines some secrets for a campaign, and completes what any run left unfinished.
func (r *Rotator) auditBatch(ctx context.Context, a Action) *waves.Looked {
	rep := &AuditReport{Action: a.Action, At: r.PingOne.Time().UTC(), Secrets: []Health{}}
	var order []description
	for _, name := range a.Secrets {
		order = append(order, description{arn: name, name: name})
	}
	reached, _ := r.lookAt(ctx, a, order, rep)
	l := &waves.Looked{Secrets: a.Secrets[:reached], NotLooked: len(order) - reached, Values: map[string]float64{}, Calls: rep.Calls.PingOneAPI, At: rep.At}
	rep.NotReached = l.NotLooked
	for metric, value := range rep.values() {
		l.Values[string(metric)] = value
	}
	l.Failing = int(l.Values[string(SecretsFailing)])
	r.writeNote(ctx, *a.Campaign, noteLooked, a.Secrets[0], l)
	r.log().InfoContext(ctx, "rotation action", "action", a.Action, "outcome", string(OK), "campaign", a.Campaign.ID(), "secrets", reached, "notReached", l.NotLooked)
	return l
}

// emitWalk writes the metrics of an audit that the state machine made in batches. It writes
// them once, because the alarms expect one value for all secrets. If the audit did not get
// to the end of the list, the number of secrets not reached is unknown, and it reports at
// least one.
func (r *Rotator) emitWalk(t waves.Tally, end bool) {
	values := (&AuditReport{At: r.PingOne.Time()}).values()
	if !end {
		values[SecretsNotReached]++
	}
	for _, l := range t.Looked {
		for name, value := range l.Values {
			if Metric(name) == OldestSecretHours {
				values[OldestSecretHours] = max(values[OldestSecretHours], value)
			} else {
				values[Metric(name)] += value
			}
		}
	}
	r.emit(values, map[string]string{"of": ActionAudit})
}

// haltCampaign halts a campaign at a person's request.
func (r *Rotator) haltCampaign(ctx context.Context, a Action) (*waves.Summary, error) {
	if err := r.recordHalt(ctx, *a.Campaign, a.Stopped); err != nil {
		return nil, err
	}
	return r.summarize(ctx, a)
}

// summarize says how far a campaign has come, or how it ended.
func (r *Rotator) summarize(ctx context.Context, a Action) (*waves.Summary, error) {
	t, err := r.readTally(ctx, *a.Campaign)
	if err != nil {
		return nil, err
	}
	s := t.Summary(*a.Campaign, a.Memory, strings.TrimSpace(a.Stopped))
	r.log().InfoContext(ctx, "rotation action", "action", a.Action, "outcome", string(OK), "campaign", a.Campaign.ID(),
		"rotated", s.Promoted+s.Ended, "skipped", s.Skipped, "unwell", s.Refused+s.Busy+s.Open+s.Failed, "left", s.Left, "off", s.Off, "stopped", s.Stopped)
	return &s, nil
}
