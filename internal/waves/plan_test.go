package waves

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// A play carries out a campaign as a state machine would.
type play struct {
	t       *testing.T
	c       Campaign
	names   []string
	memory  Memory
	tally   Tally
	at      int
	now     time.Time
	phases  []string
	begun   []string
	outcome func(name string) Ending // nil: promoted
}

func newPlay(t *testing.T, c Campaign, size int) *play {
	p := &play{t: t, c: c, now: noon}
	for i := range size {
		p.names = append(p.names, fmt.Sprintf("s%05d", i))
	}
	return p
}

// step makes one plan, and ends its items.
func (p *play) step() *Plan {
	p.now = p.now.Add(time.Minute)
	plan := Next(p.c, p.memory, p.tally, p.now)
	for plan.Wants() && !plan.Full() && p.at < len(p.names) {
		plan.Add(p.names[p.at])
		p.at++
	}
	plan.Memory.End = p.at == len(p.names)
	if plan.Wants() && (plan.Memory.End || len(plan.Items) == 0) {
		plan.Close()
	}
	p.phases = append(p.phases, string(plan.Phase))
	// The memory goes through JSON, as it does in the state machine.
	text, err := json.Marshal(plan.Memory)
	if err != nil {
		p.t.Fatal(err)
	}
	p.memory = Memory{}
	if err := json.Unmarshal(text, &p.memory); err != nil {
		p.t.Fatal(err)
	}
	for _, item := range plan.Items {
		e := Ending{Secret: item.Secret, Outcome: promoted, Calls: 5}
		if p.outcome != nil {
			e = p.outcome(item.Secret)
		}
		e.At = p.now
		e = e.Judged(false)
		p.begun = append(p.begun, item.Secret)
		p.tally.Endings = append(slices.DeleteFunc(p.tally.Endings, func(o Ending) bool { return o.Secret == e.Secret }), e)
		if p.c.Stops(e) {
			p.tally.Halts = append(p.tally.Halts, Halt{Why: e.Secret + ": failed", At: p.now})
		}
	}
	return plan
}

func (p *play) run() {
	for range 1000 {
		if p.step().Phase == Done {
			return
		}
	}
	p.t.Fatal("the campaign does not end")
}

func (p *play) check(phases string, begun int) {
	p.t.Helper()
	if got := strings.Join(slices.Compact(slices.Clone(p.phases)), " "); got != phases || len(p.begun) != begun {
		p.t.Errorf("got the phases %q and %d begun, want %q and %d", got, len(p.begun), phases, begun)
	}
}

func TestEverySecretIsBegunOnce(t *testing.T) {
	for _, size := range []int{0, 1, 48, 49, 50, 980, 981, 1029, 5000} {
		p := newPlay(t, Campaign{Start: noon}, size)
		p.run()
		slices.Sort(p.begun)
		if len(slices.Compact(p.begun)) != size {
			t.Errorf("%d secrets: %d begun", size, len(p.begun))
		}
		s := p.tally.Summary(p.c, p.memory, "")
		if !s.Well || s.Promoted != size || s.Planned != size {
			t.Errorf("%d secrets: got %+v", size, s)
		}
	}
}

func TestCanariesComeFirstAndArePagesOfOnePlace(t *testing.T) {
	p := newPlay(t, Campaign{Start: noon, Canary: 2, Approve: true}, 20)
	first := p.step()
	if first.Concurrency != 1 || len(first.Items) != 2 || first.Tolerated != 0 || first.Items[0].Delay+first.Items[1].Hold != 0 {
		t.Errorf("got %+v, want two items, one after the other", first)
	}
	if confirm := p.step(); confirm.Phase != Confirm || !confirm.Approve || !slices.Equal(confirm.Canaries, p.names[:2]) {
		t.Errorf("got %+v, want to ask about the two", confirm)
	}
	p.run()
	p.check("canary confirm wave done", 20)
}

// A canary that was refused or skipped shows nothing, and the next takes its place.
func TestACanaryThatShowsNothingIsReplaced(t *testing.T) {
	p := newPlay(t, Campaign{Start: noon, Canary: 2}, 10)
	p.outcome = func(name string) Ending {
		if name < "s00003" {
			return Ending{Secret: name, Outcome: refused, Error: "consumers lag"}
		}
		return Ending{Secret: name, Outcome: promoted}
	}
	p.run()
	p.check("canary wave done", 10)
	if got := p.tally.rotated(); len(got) != 7 || p.phases[3] == string(Canary) {
		t.Errorf("got %v in %v, want five tries for two canaries, in three pages", got, p.phases)
	}
}

func TestAFailureStopsUnlessItIsTolerated(t *testing.T) {
	fails := func(at string, unverified bool) func(string) Ending {
		return func(name string) Ending {
			if name == at {
				return Ending{Secret: name, Outcome: "failed", Error: "why", Unverified: unverified}
			}
			return Ending{Secret: name, Outcome: promoted}
		}
	}
	for _, c := range []struct {
		name       string
		c          Campaign
		unverified bool
		stops      bool
	}{
		{"as a rule", Campaign{}, false, true},
		{"told to keep going", Campaign{KeepGoing: true}, false, false},
		{"an emergency", Campaign{Emergency: "swift"}, false, false},
		{"a new secret that was refused, told to keep going", Campaign{KeepGoing: true}, true, true},
		{"a new secret that was refused in an emergency", Campaign{Emergency: "swift"}, true, true},
	} {
		c.c.Start = noon
		p := newPlay(t, c.c, 5000)
		p.outcome = fails("s00100", c.unverified)
		p.run()
		s := p.tally.Summary(p.c, p.memory, "")
		if s.Well || s.Failed != 1 || (s.Stopped != "") != c.stops || c.stops == (len(p.begun) == 5000) {
			t.Errorf("%s: got %+v and %d begun, want to stop: %t", c.name, s, len(p.begun), c.stops)
		}

		// A failure that stopped one execution does not stop the next of the same campaign.
		p.memory, p.at, p.begun, p.outcome = Memory{}, 0, nil, nil
		p.run()
		if s := p.tally.Summary(p.c, p.memory, ""); !s.Well || s.Promoted != 5000 || s.Planned != 5000 || len(p.begun) > 5000 {
			t.Errorf("%s, again: got %+v and %d begun", c.name, s, len(p.begun))
		}
	}
}

// TestAnExecutionThatBeginsAgainSkipsWhatIsDone and asks about its canaries again.
func TestAnExecutionThatBeginsAgainSkipsWhatIsDone(t *testing.T) {
	p := newPlay(t, Campaign{Start: noon, Canary: 1, Approve: true}, 3000)
	for range 3 { // a canary, the question, a page
		p.step()
	}
	done := len(p.begun)
	p.memory, p.at, p.phases, p.begun = Memory{}, 0, nil, nil // killed
	p.run()
	p.check("confirm wave done", 3000-done)
}

func TestTheLastItemsDoNotHoldTheirPlaces(t *testing.T) {
	p := newPlay(t, Campaign{Start: noon}, 51)
	for i := range 20 { // it knows what a rotation costs
		p.tally.Endings = append(p.tally.Endings, Ending{Secret: fmt.Sprint(i), Outcome: promoted, Calls: 5})
	}
	plan := p.step()
	held := 0
	for _, item := range plan.Items {
		if item.Hold > 0 {
			held++
		}
	}
	if held != len(plan.Items)-plan.Concurrency || held != 2 {
		t.Errorf("%d of %d items hold %d places, want those that have a successor", held, len(plan.Items), plan.Concurrency)
	}
}

// TestTheFirstPageShowsWhatARotationCosts: the next pages go by that.
func TestTheFirstPageShowsWhatARotationCosts(t *testing.T) {
	p := newPlay(t, Campaign{Start: noon}, 5000)
	first, second := p.step(), p.step() // each takes five calls
	if n := len(first.Items); n != first.Concurrency || len(second.Items) != holdsInPage*second.Concurrency {
		t.Errorf("got pages of %d and %d items, want one hold and then %d", n, len(second.Items), holdsInPage)
	}
	if used := float64(second.Concurrency) / float64(second.HoldSeconds) * 60 * 5 / LicenceLimit; used > share || used < 0.95 {
		t.Errorf("the second page uses %.3f of the limit", used)
	}
}

// TestPagesFitIntoAState: a state's input has at most 256 KB.
func TestPagesFitIntoAState(t *testing.T) {
	long := strings.Repeat("n", 505)
	for _, c := range []Campaign{{Start: noon}, {Start: noon, Audit: true}} {
		for range maxNames/(len(long)+itemBytes) - 1 {
			c.Secrets = append(c.Secrets, long)
		}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		var known Tally
		for i := range 20 {
			known.Endings = append(known.Endings, Ending{Secret: fmt.Sprint(i), Outcome: promoted, Calls: 5})
		}
		p := Next(c, Memory{}, known, noon)
		n := 0
		for ; !p.Full() && n < 100_000; n++ {
			p.Add(fmt.Sprintf("%s%07d", long, n))
		}
		for range 1000 {
			p.Memory.LeftOut(long)
		}
		plan, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		input, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if size := len(plan) + len(input); size > 250_000 || n < 100 {
			t.Errorf("audit %t: a page of %d secrets and the campaign take %d bytes", c.Audit, n, size)
		}
	}
}

// TestAnAuditEndsBeforeTheNext gives it less time than it needs.
func TestAnAuditEndsBeforeTheNext(t *testing.T) {
	p := newPlay(t, Campaign{Start: noon, Audit: true, PeriodSeconds: 3600}, 100_000)
	p.outcome = func(name string) Ending { return Ending{Secret: name, Outcome: skipped} }
	for {
		plan := p.step()
		if plan.Phase == Done {
			break
		}
		// The audit makes no more calls a minute than it may.
		if calls := float64(plan.Concurrency*Batch) / time.Duration(plan.HoldSeconds*int(time.Second)).Minutes(); calls > LicenceLimit/2 {
			t.Fatalf("an audit takes %.0f calls a minute", calls)
		}
		p.now = p.now.Add(holdsInAuditPage * time.Minute)
	}
	if end := p.now.Sub(noon); end > 61*time.Minute || end < 50*time.Minute || p.memory.End {
		t.Errorf("ended after %v, want within an hour, and the minute of the last plan", end)
	}
}

func TestCampaignsThatMakeNoSenseAreRefused(t *testing.T) {
	for member, c := range map[string]Campaign{
		"start":                 {},
		"tags":                  {Start: noon, Secrets: []string{"a"}, Tags: map[string]string{"a": "b"}},
		"secrets":               {Start: noon, Secrets: []string{""}},
		"secrets: thei":         {Start: noon, Secrets: slices.Repeat([]string{strings.Repeat("a", 500)}, 500)},
		"canary":                {Start: noon, Canary: -1},
		"canary: an":            {Start: noon, Canary: 1, Emergency: "swift"},
		"canary: must be given": {Start: noon, Approve: true},
		"soakSeconds":           {Start: noon, Canary: 1, SoakSeconds: -1},
		"limit":                 {Start: noon, Limit: -1},
		"audit":                 {Start: noon, Audit: true, Canary: 1},
		"periodSeconds":         {Start: noon, PeriodSeconds: 1},
	} {
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), member) {
			t.Errorf("got %v, want an error about %s", err, member)
		}
	}
}

func TestAnIDTellsTheStart(t *testing.T) {
	c := Campaign{Start: noon.Add(7 * time.Millisecond)}
	for _, id := range []string{c.ID(), c.ID() + "_2"} {
		if got, err := ParseID(id); err != nil || !got.Equal(c.Start) {
			t.Errorf("%s: got %v and %v", id, got, err)
		}
	}
	if _, err := ParseID("audit-" + c.ID()); err == nil {
		t.Error("an audit's id is a campaign's")
	}
}

// TestTokensAreThoseOfTheFirstCampaigns: if tokens changed, a campaign that is resumed
// after an upgrade would mint a second time.
func TestTokensAreThoseOfTheFirstCampaigns(t *testing.T) {
	if got, want := Token(noon, "", "pingone/orders-api"), "7f76a8c6-0129-8d9d-9914-ae158f48a6f7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheSummaryNamesWhatDidNotEndWell(t *testing.T) {
	p := newPlay(t, Campaign{Start: noon, KeepGoing: true}, 200)
	p.outcome = func(name string) Ending {
		if name < "s00100" {
			return Ending{Secret: name, Outcome: "failed", Error: strings.Repeat("é", 5000)}
		}
		return Ending{Secret: name, Outcome: promoted}
	}
	p.run()
	s := p.tally.Summary(p.c, p.memory, "")
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if s.Failed != 100 || len(s.Unwell) != maxUnwell || s.Unwell[0].Secret != "s00000" || len(text) > 100_000 || len(s.Text) > 32_000 || !strings.Contains(s.Text, "and others") {
		t.Errorf("got %d failed, %d named, %d bytes", s.Failed, len(s.Unwell), len(text))
	}
}
