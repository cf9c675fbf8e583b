package rotation_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/waves"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// asked sends an action as the state machine does, and decodes the answer.
func asked[T any](w *world, action map[string]any) (answer T, err error) {
	w.t.Helper()
	event, err := json.Marshal(action)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := w.rotator.Handle(w.t.Context(), event)
	if err != nil {
		return answer, err
	}
	text, err := json.Marshal(report)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return answer, nil
}

func must[T any](w *world, action map[string]any) T {
	w.t.Helper()
	answer, err := asked[T](w, action)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// campaign starts a campaign a minute later, because the services' clocks may be a second
// apart.
func (w *world) campaign() waves.Campaign {
	w.advance(time.Minute)
	return waves.Campaign{Start: w.ping.Now().UTC().Truncate(time.Millisecond), Reason: "a test", By: "a test"}
}

// carry carries out a campaign as its state machine does, one item after another. It
// returns the names in the order of their items.
func (w *world) carry(c waves.Campaign) (names []string, sum waves.Summary) {
	w.t.Helper()
	var memory waves.Memory
	for range 100 {
		p := must[waves.Plan](w, map[string]any{"action": "list", "campaign": c, "memory": memory})
		memory = p.Memory
		for _, item := range p.Items {
			names = append(append(names, item.Secrets...), item.Secret)
			if c.Audit {
				names = names[:len(names)-1]
				must[waves.Looked](w, map[string]any{"action": "audit", "secrets": item.Secrets, "campaign": p.Order})
			} else {
				must[waves.Ending](w, map[string]any{"action": "rotate", "secretId": item.Secret, "campaign": p.Order})
			}
		}
		if p.Phase == waves.Done {
			return names, must[waves.Summary](w, map[string]any{"action": "tally", "campaign": c, "memory": memory})
		}
	}
	w.t.Fatal("the campaign does not end")
	return nil, sum
}

func TestACampaignListsTheSecretsOfThisFunctionThatHaveTheTags(t *testing.T) {
	w, names := newFleet(t, 250)
	client := w.rotator.Secrets.(*secretsmanager.Client)
	w.sm.Put("another/team", "not a document")
	for _, name := range []string{names[3], names[140], names[249]} {
		if _, err := client.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &name, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("payments")}}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &names[140]}); err != nil {
		t.Fatal(err)
	}
	c := w.campaign()
	c.Tags = map[string]string{"team": "payments"}
	got, sum := w.carry(c)
	slices.Sort(got)
	if !slices.Equal(got, []string{names[3], names[249]}) || sum.Promoted != 2 || sum.Off != 1 || !slices.Equal(sum.OffNames, names[140:141]) {
		t.Errorf("got %q and %+v, want the two that are tagged and not turned off", got, sum)
	}
}

// Secrets that were rotated by an earlier part of the campaign, or by single actions that
// use the campaign's tokens, are not rotated again: the campaign continues with the rest.
func TestACampaignIsContinuedUnderItsStart(t *testing.T) {
	w, names := newFleet(t, 110)
	c := w.campaign()
	half := c
	half.Secrets = names[:40]
	w.carry(half)
	for _, name := range names[40:60] {
		rep := w.do(rotation.Action{Action: "rotate", SecretID: name, ClientRequestToken: waves.Token(c.Start, "", name)}).(*rotation.Report)
		if rep.Outcome != rotation.Promoted {
			t.Fatalf("got %+v", rep)
		}
	}
	got, sum := w.carry(c)
	if sum.Promoted != 91 || sum.Skipped != 20 || !sum.Well || len(got) != 71 {
		t.Errorf("got %d items and %+v, want the rest promoted", len(got), sum)
	}
	for _, name := range names {
		if n := len(w.sm.Labels(name)); n != 2 {
			t.Errorf("%s: has %d labelled versions, want two", name, n)
		}
	}
	if calls := w.ping.Count(pingonetest.OpRegenerateSecret); calls != 111 {
		t.Errorf("PingOne made %d secrets, want 111", calls)
	}
	w.checkSilent("")
}

// What the schedule has rotated since the start is not rotated again.
func TestWhatWasStoredJustBeforeTheStartIsRotated(t *testing.T) {
	w, names := newFleet(t, 2)
	c := waves.Campaign{Start: w.sm.Now()}
	w.advance(2 * time.Second)
	if err := w.sm.Rotate(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	c.Secrets = names
	if _, sum := w.carry(c); sum.Promoted != 1 || sum.Skipped != 1 {
		t.Errorf("got %+v, want one promoted and one skipped", sum)
	}
}

// A state machine may begin an item long before it invokes the function for it.
func TestAFailureLeavesTheItemsThatHaveNotBegun(t *testing.T) {
	w, names := newFleet(t, 10)
	w.sm.Put(names[4], "{}")
	c := w.campaign()
	got, sum := w.carry(c)
	if len(got) != 11 || sum.Promoted != 4 || sum.Failed != 1 || sum.Left != 6 || !strings.HasPrefix(sum.Stopped, names[4]+": ") || sum.Unwell[0].Error == "" {
		t.Errorf("got %d items and %+v, want four promoted, one failed and the others left", len(got), sum)
	}
	if n := w.ping.Count(pingonetest.OpRegenerateSecret); n != 4 {
		t.Errorf("PingOne made %d secrets, want 4", n)
	}

	// It is started again, and told to keep going.
	w.advance(time.Second)
	c.KeepGoing = true
	if _, sum = w.carry(c); sum.Promoted != 10 || sum.Failed != 1 || sum.Left != 0 || sum.Stopped != "" {
		t.Errorf("again: got %+v, want ten promoted and one failed", sum)
	}
}

func TestAPersonStopsACampaign(t *testing.T) {
	w, _ := newFleet(t, 5)
	c := w.campaign()
	p := must[waves.Plan](w, map[string]any{"action": "list", "campaign": c})
	must[waves.Ending](w, map[string]any{"action": "rotate", "secretId": p.Items[0].Secret, "campaign": p.Order})
	w.advance(time.Second)
	must[waves.Summary](w, map[string]any{"action": "halt", "campaign": c, "memory": p.Memory, "stopped": "a person says so"})
	e := must[waves.Ending](w, map[string]any{"action": "rotate", "secretId": p.Items[1].Secret, "campaign": p.Order})
	next := must[waves.Plan](w, map[string]any{"action": "list", "campaign": c, "memory": p.Memory})
	sum := must[waves.Summary](w, map[string]any{"action": "tally", "campaign": c, "memory": p.Memory})
	if e.Outcome != waves.Left || next.Phase != waves.Done || sum.Stopped != "a person says so" || sum.Promoted != 1 || sum.Left != 5 || sum.Well {
		t.Errorf("got %+v, %+v and %+v, want nothing to begin", e, next, sum)
	}
}

// The state machine is told to try again later, and the item then ends with one mint.
func TestPingOnesLimitCutsAnItemShort(t *testing.T) {
	w, names := newFleet(t, 1)
	w.ping.Before(func(c fault.Call) fault.Kind {
		if c.Operation == pingonetest.OpRegenerateSecret {
			return fault.Throttled
		}
		return fault.None
	})
	c := w.campaign()
	item := map[string]any{"action": "rotate", "secretId": names[0], "campaign": c.Order()}
	if e := must[waves.Ending](w, item); e.Again != waves.RateLimited || e.Well {
		t.Fatalf("got %+v, want to come again", e)
	}
	w.ping.Before(nil)
	w.advance(2 * time.Minute)
	if e := must[waves.Ending](w, item); e.Outcome != "promoted" || !e.Well || e.Again != "" {
		t.Errorf("got %+v, want it promoted", e)
	}
	sum := must[waves.Summary](w, map[string]any{"action": "tally", "campaign": c})
	if sum.Promoted != 1 || sum.Limited != 1 || !sum.Well || w.ping.Mints(w.apps(names)[0].Environment, w.apps(names)[0].ID) > 1 {
		t.Errorf("got %+v", sum)
	}
}

// Its metrics are written once.
func TestAnAuditOfManySecretsLooksAtEachOnceTheUrgentOnesFirst(t *testing.T) {
	w, names := newFleet(t, 230)
	urgent := names[199]
	if _, err := w.sm.Begin(urgent); err != nil {
		t.Fatal(err)
	}
	w.sm.Put(names[7], "{}")
	c := waves.Campaign{Start: w.ping.Now(), Audit: true, PeriodSeconds: 24 * 3600}
	before := strings.Count(w.log.String(), `"SecretsAudited"`)
	got, _ := w.carry(c)
	seen := slices.Clone(got)
	slices.Sort(seen)
	if len(got) != 231 || len(slices.Compact(seen)) != 231 || got[0] != urgent {
		t.Errorf("looked %d times, at %d secrets, first at %s; want at each of 231 once, %s first", len(got), len(slices.Compact(seen)), got[0], urgent)
	}
	m := w.metrics()
	if m["SecretsAudited"] != 231.0 || m["SecretsFailing"] != 1.0 || m["SecretsNotReached"] != 0.0 {
		t.Errorf("got the metrics %v, want those of all secrets", m)
	}
	if n := strings.Count(w.log.String(), `"SecretsAudited"`) - before; n > 2 { // its definition and its value
		t.Errorf("the metrics were written %d times", n)
	}
}

// Secrets Manager does not document how long a page's token is valid.
func TestAListThatSecretsManagerHasForgottenBeginsAgain(t *testing.T) {
	w, _ := newFleet(t, 20)
	c := w.campaign()
	p := must[waves.Plan](w, map[string]any{"action": "list", "campaign": c, "memory": waves.Memory{Token: "forgotten", Phase: waves.Wave}})
	if len(p.Items) != 21 || !p.Memory.End {
		t.Errorf("got %d items, want all", len(p.Items))
	}
}

func TestWhatIsNoCampaignIsRefusedBeforeAnythingIsAsked(t *testing.T) {
	w := newWorld(t)
	good := w.campaign()
	for words, event := range map[string]map[string]any{
		"campaign: is missing":              {"action": "list"},
		"field campaign: start":             {"action": "list", "campaign": map[string]any{}},
		"campaign.emergency":                {"action": "list", "campaign": waves.Campaign{Start: good.Start, Emergency: "slow"}},
		"reason and by":                     {"action": "list", "campaign": waves.Campaign{Start: good.Start, Reason: "a\nb"}},
		"secrets: must be 1 to 100":         {"action": "audit", "campaign": good},
		"secrets: belongs only":             {"action": "audit", "secrets": []string{"a"}},
		"excludes emergency":                {"action": "rotate", "secretId": orders, "campaign": good, "reason": "another"},
		"memory: is not":                    {"action": "list", "campaign": good, "memory": waves.Memory{Skip: -1}},
		"stopped: must be one line":         {"action": "halt", "campaign": good},
		"campaign: does not belong":         {"action": "check", "secretId": orders, "campaign": good},
		`field "colour" is unknown`:         {"action": "list", "campaign": map[string]any{"start": good.Start, "colour": 1}},
		"secrets: each must be the name or": {"action": "audit", "secrets": []string{""}, "campaign": good},
	} {
		before := w.sm.Dump() + w.db.Dump()
		if _, err := asked[any](w, event); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v: got %v, want an error with %q", event, err, words)
		}
		if w.sm.Dump()+w.db.Dump() != before || len(w.ping.Calls()) > 0 {
			t.Errorf("%v: something was asked", event)
		}
	}
}

// The state machine tries again. It must not take an answer without secrets for the end of
// the list.
func TestTheStateMachineIsToldWhenTheListFails(t *testing.T) {
	for _, operation := range []string{"ListSecrets", "Query"} {
		w := newWorld(t)
		deny := func(c fault.Call) fault.Kind {
			if c.Operation == operation {
				return fault.Denied
			}
			return fault.None
		}
		w.sm.Before(deny)
		w.db.Before(deny)
		if p, err := asked[waves.Plan](w, map[string]any{"action": "list", "campaign": w.campaign()}); err == nil {
			t.Errorf("%s: got %+v, want an error", operation, p)
		}
	}
}

func TestAListWithoutTheFunctionsARNSaysWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	w.rotator.FunctionARN = ""
	_, err := asked[waves.Plan](w, map[string]any{"action": "list", "campaign": w.campaign()})
	if err == nil || !strings.Contains(err.Error(), "its own ARN is not known; name it with --function") {
		t.Errorf("got %v, want the missing setting and its remedy", err)
	}
}

// apps returns the applications of the named secrets.
func (w *world) apps(names []string) (all []pingonetest.Application) {
	for _, name := range names {
		var d struct{ EnvironmentID, ClientID string }
		text, _ := w.sm.Value(name, "AWSCURRENT")
		json.Unmarshal([]byte(text), &d)
		all = append(all, pingonetest.Application{Environment: d.EnvironmentID, ID: d.ClientID})
	}
	return all
}
