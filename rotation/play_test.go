package rotation_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
)

// A play is one run of a scenario, with the faults that strike it.
type play struct {
	*world
	scenario scenario
	promise  *promise
	strikes  []strike

	mu       sync.Mutex
	count    map[string]int // calls so far, by operation
	places   []place        // in their order
	from     []int          // where in places an attempt begins
	lasting  map[int]bool   // strikes that happen again until the attempt ends
	struck   int            // how many of the strikes have happened
	during   int            // the attempt in which the last one did
	attempts int
	dying    map[string]func() // calls after which the process dies
	barred   map[string]bool   // services that are out of reach until the attempt ends
	digests  []string          // of the states between attempts
	hindered bool              // what the scenario is about lasts
	person   bool              // a person acts, whom no fault hits
	repaired bool              // and is over
	already  int               // mints before the scenario begins
	stop     int               // the attempt after which the play ends, 0 for never
}

// errStopped ends a play between two attempts.
var errStopped = errors.New("stopped on purpose")

// perform plays a scenario in a new world, and then looks at the result.
func (s scenario) perform(t *testing.T, strikes []strike, stop int, then func(*play, error)) {
	inBubble(t, func(w *world) {
		p := &play{world: w, scenario: s, strikes: strikes, count: map[string]int{}, lasting: map[int]bool{}, barred: map[string]bool{}, dying: map[string]func(){}, stop: stop}
		p.promise = watch(w)
		for _, c := range s.may {
			p.promise.may[c] = true
		}
		for _, x := range strikes {
			if x.kind == fault.Twice || x.kind == fault.TwiceLate {
				p.promise.may[byProxy] = true
			}
		}
		p.promise.mintable = 1 + len(strikes)
		if slices.ContainsFunc(strikes, func(x strike) bool { return x.again }) {
			p.promise.mintable++ // the same run's second request meets it too
		}
		if s.before != nil {
			s.before(p)
		}
		w.order = token // as the operator's command repeats it
		w.ping.Before(p.strike)
		w.sm.Before(p.strike)
		w.db.Before(p.strike)
		w.ping.After(p.after)
		w.sm.After(p.after)
		w.db.After(p.after)
		defer func() { w.ping.Before(nil); w.sm.Before(nil); w.db.Before(nil) }()
		drive := s.drive
		if drive == nil {
			drive = (*play).retried
		}
		err := drive(p)
		then(p, err)
	}, s.opts...)
}

// strike is the hook before each call.
func (p *play) strike(c fault.Call) fault.Kind {
	if c.Operation == "CancelRotateSecret" {
		return fault.None // it is a turn of events itself
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.person {
		return fault.None
	}
	if p.scenario.call != nil {
		if k := p.scenario.call(p, c); k != fault.None {
			return k
		}
	}
	p.count[c.Operation]++
	at := place{c.Service, c.Operation, p.count[c.Operation]}
	p.places = append(p.places, at)
	if p.barred[c.Service] {
		return fault.Unavailable
	}
	for i, s := range p.strikes {
		if s.operation != c.Operation || s.n != at.n && !p.lasting[i] {
			continue
		}
		if s.n == at.n {
			p.struck, p.during, p.lasting[i] = p.struck+1, p.attempts, s.again
		}
		if s.turn != "" {
			p.mu.Unlock() // it may be a call itself
			defer p.mu.Lock()
			return p.turnOf(s.turn, c)
		}
		if s.kind.Holds() {
			p.deliver(c, s.fate)
		}
		if s.death {
			die := *p.die.Load()
			if !s.kind.Applies() {
				die()
			} else {
				p.dying[serial(c)] = die
			}
		}
		return s.kind
	}
	return fault.None
}

// line is the part of a stand-in that can hold calls back.
type line interface {
	Deliver() int
	DeliverWhen(func(held, arriving fault.Call) bool)
}

// line returns the stand-in that a call is for.
func (p *play) line(service string) line {
	switch service {
	case "pingone":
		return p.ping
	case "secretsmanager":
		return p.sm
	}
	return p.db
}

// after is the hook after each call. The promise is checked, and the process dies before
// the reply if the play says so.
func (p *play) after(c fault.Call, k fault.Kind) {
	p.promise.after(c, k)
	p.mu.Lock()
	die := p.dying[serial(c)]
	delete(p.dying, serial(c))
	p.mu.Unlock()
	if die != nil {
		die()
	}
}

// deliver lets a call arrive that was held back.
func (p *play) deliver(c fault.Call, f fate) {
	line := p.line(c.Service)
	if f.delay == 0 {
		line.DeliverWhen(func(held, arriving fault.Call) bool { return arriving.N > held.N })
		return
	}
	time.AfterFunc(f.delay, func() { line.Deliver() })
}

// turnOf makes a turn of events happen.
func (p *play) turnOf(t turn, c fault.Call) fault.Kind {
	switch t {
	case edited:
		d := p.stored("AWSCURRENT")
		d["owner"] = "orders team"
		p.sm.Put(orders, encode(d))
	case cancelled:
		p.cancelRotation()
	case lost:
		p.promise.losing(c)
		p.db.Remove(registerTable, isItem)
	case tableOut:
		p.mu.Lock()
		p.barred["dynamodb"] = true
		p.mu.Unlock()
		if c.Service == "dynamodb" {
			return fault.Unavailable
		}
	}
	return fault.None
}

// attempt runs the scenario's driver once. Afterwards faults stop, a new process takes
// over, and some time has passed.
func (p *play) attempt(run func() error) error {
	p.mu.Lock()
	p.attempts++
	p.from = append(p.from, len(p.places))
	p.mu.Unlock()
	err := run()
	p.mu.Lock()
	clear(p.lasting)
	clear(p.barred)
	p.mu.Unlock()
	p.connect(p.toPingOne, p.toSecretsManager, p.toRegister)
	p.promise.passed()
	p.advance(time.Minute)
	p.promise.passed()
	p.digests = append(p.digests, p.digest())
	if p.attempts == p.stop {
		return errors.Join(errStopped, err)
	}
	return err
}

// regenerated counts the mints of every application since the world began.
func (p *play) regenerated() (n int) {
	for client := range p.promise.accounts {
		n += p.ping.Mints(p.app.Environment, client)
	}
	return n
}

// calls returns the places at which the play may be struck, sorted.
func (p *play) callsFrom(attempt int) []place {
	from := len(p.places)
	if attempt < len(p.from) {
		from = p.from[attempt]
	}
	all := slices.Clone(p.places[from:])
	slices.SortFunc(all, func(a, b place) int {
		if a.operation != b.operation {
			return strings.Compare(a.operation, b.operation)
		}
		return a.n - b.n
	})
	return all
}
