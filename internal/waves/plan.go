package waves

import (
	"time"
)

// A Phase is what the state machine does with a plan.
type Phase string

const (
	Canary  Phase = "canary"  // rotates the items one after the other, and asks again
	Confirm Phase = "confirm" // waits, looks at the canaries, asks a person, and asks again
	Wave    Phase = "wave"    // rotates the items at the pace, and asks again
	Done    Phase = "done"    // sums up
)

// A Memory is what the state machine keeps from one plan to the next.
type Memory struct {
	Phase    Phase     `json:"phase,omitempty"`
	Token    string    `json:"token,omitempty"` // where the list continues: a token of ListSecrets, or the last name
	Skip     int       `json:"skip,omitempty"`  // how many of the secrets listed there to skip
	Planned  int       `json:"planned,omitempty"`
	Off      int       `json:"off,omitempty"`
	OffNames []string  `json:"offNames,omitempty"` // the first few
	Share    float64   `json:"share,omitempty"`    // the part of the limit that is used
	Urgent   bool      `json:"urgent,omitempty"`   // of an audit: the urgent secrets are already planned
	End      bool      `json:"end,omitempty"`      // the list is complete
	Begun    time.Time `json:"begun,omitzero"`     // when this plan was made
	Since    time.Time `json:"since,omitzero"`     // when the first plan was
}

// maxOffNames is how many of the secrets that are turned off are listed by name.
const maxOffNames = 20

// LeftOut counts a secret that the campaign would rotate if it were not turned off.
func (m *Memory) LeftOut(name string) {
	m.Off++
	if len(m.OffNames) < maxOffNames {
		m.OffNames = append(m.OffNames, name)
	}
}

// An Item is one secret to rotate, or a batch of secrets to audit.
type Item struct {
	Secret  string   `json:"secretId,omitempty"`
	Secrets []string `json:"secrets,omitempty"`
	Delay   int      `json:"delaySeconds"` // before its work begins
	Hold    int      `json:"holdSeconds"`  // how long it keeps its place
}

// A Plan is what the state machine does next. Every member is always present.
type Plan struct {
	Phase       Phase    `json:"phase"`
	Items       []Item   `json:"items"`
	Concurrency int      `json:"concurrency"`
	HoldSeconds int      `json:"holdSeconds"`
	Tolerated   int      `json:"tolerated"` // items that may fail before no other begins
	Order       Campaign `json:"order"`
	Canaries    []string `json:"canaries"`
	SoakSeconds int      `json:"soakSeconds"`
	Approve     bool     `json:"approve"`
	Memory      Memory   `json:"memory"`

	pace  Pace
	size  int // secrets at most
	batch int // secrets in an item
	bytes int
	done  map[string]bool
	names int
}

// Sizes of a page.
const (
	// A page of this many holds adds some dozen events to the parent's history in eight
	// minutes: the 25 000 events that it may have last for 250 hours. See "Quotas" in the
	// Step Functions developer guide.
	holdsInPage = 20

	// The first page shows what a rotation costs.
	holdsToLearn = 1

	// An audit should end before the next begins, and can only stop between two pages.
	holdsInAuditPage = 5

	// Batch is how many secrets one invocation audits. A child execution for each secret
	// would cost a hundred times as much.
	Batch = 100

	itemBytes = 64       // of an item in JSON, without the name
	pageBytes = 96 << 10 // of a page
	tolerant  = 1 << 20  // more than any page has
)

// Next begins the plan that follows from what the state machine remembers and what the
// register knows. Fill it with [Plan.Add], and end it with [Plan.Close].
func Next(c Campaign, m Memory, t Tally, now time.Time) *Plan {
	if m.Since.IsZero() {
		m.Since = now
	}
	c.Since = m.Since
	p := &Plan{
		Items: []Item{}, Canaries: []string{}, Order: c.Order(), Concurrency: 1, batch: 1, pace: Pace{1, 0},
		SoakSeconds: c.SoakSeconds, Approve: c.Approve, Memory: m, done: t.done(),
	}
	limit := float64(c.Limit)
	if c.Limit == 0 {
		limit = LicenceLimit
	}
	p.Phase = phase(c, m, t, now)
	switch {
	case p.Phase == Canary:
		p.size = c.Canary - len(t.rotated())
	case p.Phase == Confirm:
		p.Canaries = append(p.Canaries, t.rotated()[:c.Canary]...)
	case p.Phase == Wave && c.Audit:
		p.batch, p.Tolerated = Batch, tolerant
		p.pace = paceOf(auditShare*limit, Batch, batchTime)
		p.size = Batch * holdsInAuditPage * p.pace.Concurrency
	case p.Phase == Wave:
		calls, takes := float64(rotationCalls), rotationTime
		if c.Emergency != "" {
			calls, takes = emergencyCalls, emergencyTime
		}
		p.Memory.Share = t.share(m)
		p.pace = paceOf(p.Memory.Share*limit, t.cost(calls), takes)
		p.size = holdsInPage * p.pace.Concurrency
		if !t.knows() {
			p.size = holdsToLearn * p.pace.Concurrency
		}
		if c.tolerates() {
			p.Tolerated = tolerant
		}
	}
	p.Concurrency, p.HoldSeconds = p.pace.Concurrency, int(p.pace.Hold/time.Second)
	p.Memory.Phase, p.Memory.Begun = p.Phase, now
	return p
}

func phase(c Campaign, m Memory, t Tally, now time.Time) Phase {
	page := holdsInAuditPage * time.Minute // an audit's hold
	switch {
	case t.Halted(m.Since) != "":
		return Done
	case c.PeriodSeconds > 0 && m.Phase != "" && now.Add(page).After(c.Start.Add(time.Duration(c.PeriodSeconds)*time.Second)):
		return Done
	case m.Phase == Confirm || m.Phase == Wave || m.Phase == Done || c.Canary == 0:
		return Wave
	case len(t.rotated()) < c.Canary && !m.End:
		return Canary
	case len(t.rotated()) < c.Canary:
		return Wave // every secret was tried: this finds none left and ends
	case c.Approve || c.SoakSeconds > 0:
		return Confirm
	}
	return Wave
}

// share returns the part of the limit to use. If PingOne cut short more than a tenth of the
// last page, others use the licence too: the share falls by a factor, and then rises by
// steps, so that any number of campaigns come to share one limit.
func (t Tally) share(m Memory) float64 {
	now := share
	if m.Share > 0 {
		now = m.Share
	}
	if m.Phase != Wave {
		return now
	}
	tried, cut := 0, 0
	for _, e := range t.Endings {
		if !e.At.Before(m.Begun) {
			tried++
		}
	}
	for _, e := range t.Limited {
		if !e.At.Before(m.Begun) {
			cut++
		}
	}
	if 10*cut > tried+cut {
		return max(now*slower, faster)
	}
	return min(now+faster, share)
}

// Wants reports whether the plan is to be filled with items.
func (p *Plan) Wants() bool { return p.Phase == Canary || p.Phase == Wave }

// Full reports whether the plan takes no more secrets.
func (p *Plan) Full() bool { return p.names >= p.size || p.bytes >= pageBytes }

// Add adds a secret, unless the campaign is done with it: an earlier execution or phase has
// handled it.
func (p *Plan) Add(name string) {
	p.Memory.Planned++
	if p.done[name] {
		return
	}
	p.names++
	p.bytes += len(name) + itemBytes
	if n := len(p.Items); p.batch > 1 && n > 0 && len(p.Items[n-1].Secrets) < p.batch {
		p.Items[n-1].Secrets = append(p.Items[n-1].Secrets, name)
		return
	}
	item := Item{Delay: int(p.pace.Delay(len(p.Items)) / time.Second), Hold: int(p.pace.Hold / time.Second)}
	if p.batch > 1 {
		item.Secrets = []string{name}
	} else {
		item.Secret = name
	}
	p.Items = append(p.Items, item)
}

// Done reports whether the campaign is done with a secret.
func (p *Plan) Done(name string) bool { return p.done[name] }

// Alone makes the plan a page of this one secret, at once.
func (p *Plan) Alone(name string) {
	p.pace = Pace{1, 0}
	p.Concurrency, p.HoldSeconds, p.size = 1, 0, 1
	p.Add(name)
}

// Close ends a plan that [Plan.Wants] items: no secret follows. The last items need not
// hold their places, as nothing waits for them. A plan without items is the last.
func (p *Plan) Close() {
	p.Memory.End = true
	for i := max(0, len(p.Items)-p.Concurrency); i < len(p.Items); i++ {
		p.Items[i].Hold = 0
	}
	if len(p.Items) == 0 {
		p.Phase, p.Memory.Phase = Done, Done
	}
}
