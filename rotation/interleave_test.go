package rotation_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/pingone"
	"pingrotate/rotation/secretsmanagertest"
)

// A duel is a situation in which two invocations run at once.
type duel struct {
	name string

	// second returns the events of the second actor. It runs as a call of its own,
	// at any moment. The first actor has the events of the rotation in progress, or its
	// own and then there is none.
	second func(w *world) [][]byte
	first  func(w *world) [][]byte

	opts   []option
	before func(w *world)
	safe   bool // AWSCURRENT authenticates in every interleaving
	leak   bool // the secret that is AWSCURRENT at first is dead in the end
	large  bool // there are more interleavings than can be played
}

// events returns the four events of the rotation in progress.
func (w *world) events() [][]byte {
	var all [][]byte
	for _, s := range steps {
		all = append(all, w.sm.Event(orders, s))
	}
	return all
}

// An actor makes its calls one by one, each when it is its turn.
type actor struct {
	name    string
	waiting []*ticket // calls that are ready to go
	done    bool
	seen    string // digest of what its calls have met in this step; no step remembers another
	warm    bool   // its process has an access token of the admin's
}

type ticket struct {
	call string
	pass chan error
}

// A stage holds every call back until the director lets it pass.
type stage struct {
	mu     sync.Mutex
	actors [2]*actor
	stir   chan struct{} // something has arrived or ended
}

func (s *stage) enter(who int, call string) error {
	t := &ticket{call, make(chan error, 1)}
	s.mu.Lock()
	s.actors[who].waiting = append(s.actors[who].waiting, t)
	s.mu.Unlock()
	s.wake()
	return <-t.pass
}

func (s *stage) wake() {
	select {
	case s.stir <- struct{}{}:
	default:
	}
}

// ready returns who can make a call, once everybody waits. Nobody means that both
// are done. Time passes only when nobody can.
func (s *stage) ready() []int {
	for {
		synctest.Wait()
		s.mu.Lock()
		var who []int
		done := true
		for i, a := range s.actors {
			if len(a.waiting) > 0 {
				who = append(who, i)
			}
			done = done && a.done
		}
		s.mu.Unlock()
		if len(who) > 0 || done {
			return who
		}
		<-s.stir
	}
}

// release lets one call of the actor pass. Of calls that it makes in parallel the
// order does not matter: they only read.
func (s *stage) release(who int, meets func(call string) string, err error) string {
	s.mu.Lock()
	a := s.actors[who]
	slices.SortStableFunc(a.waiting, func(x, y *ticket) int { return cmp.Compare(x.call, y.call) })
	t := a.waiting[0]
	a.waiting = a.waiting[1:]
	if err == nil {
		a.seen = digest(a.seen, t.call, meets(t.call))
		a.warm = a.warm || strings.HasPrefix(t.call, "GET ") // which needs the token
	}
	s.mu.Unlock()
	t.pass <- err
	return a.name + " " + t.call
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// A node is a state of the whole: what both services hold, and what each actor has
// seen of it in the step that it is in. What happens next depends on nothing else,
// so interleavings that meet in a node are one from there on.
type node struct {
	next [2]*edge // by who makes the next call
	ends bool
}

type edge struct {
	to   string
	dead bool // AWSCURRENT does not authenticate after the call
}

// A graph is all interleavings of a duel.
type graph struct {
	duel  duel
	nodes map[string]*node
	first string
	runs  int
	fail  string // the first interleaving that did not end well

	// Of a large duel, in the interleavings that were played.
	broken  int // AWSCURRENT was dead at some time
	longest int // for at most as many calls
}

// sample is how many interleavings of a duel are played without -prove, and
// largeSample how many of a large one with it.
const sample, largeSample = 100, 2000

// explore tries every interleaving: it plays one to its end, and comes back to
// each node in which the other actor could have gone first. Where there are too many
// it comes back to any of these nodes, the same each time.
func (g *graph) explore(t *testing.T) {
	g.nodes = map[string]*node{}
	frontier := [][]int{nil}
	limit := sample
	if *prove {
		limit = math.MaxInt
		if g.duel.large {
			limit = largeSample
		}
	}
	pick := rand.New(rand.NewPCG(1, 2))
	for len(frontier) > 0 && g.fail == "" && g.runs < limit {
		last := len(frontier) - 1
		if g.duel.large {
			i := pick.IntN(len(frontier))
			frontier[i], frontier[last] = frontier[last], frontier[i]
		}
		script := frontier[last]
		frontier = append(frontier[:last], g.play(t, script)...)
		g.runs++
	}
}

// play replays a script of turns and goes on from its end until both actors are done or a
// node is known. It returns the scripts that remain to be tried.
func (g *graph) play(t *testing.T, script []int) (frontier [][]int) {
	inBubble(t, func(w *world) {
		if g.duel.before != nil {
			g.duel.before(w)
		}
		leaked := w.secret("AWSCURRENT")
		if g.duel.first == nil && w.sm.VersionID(orders, "AWSPENDING") == "" {
			if _, err := w.sm.Begin(orders); err != nil {
				t.Error(err)
				return
			}
		}
		known := &symbols{w: w, clients: []string{w.client()}, versions: []string{w.sm.VersionID(orders, "AWSCURRENT"), w.sm.VersionID(orders, "AWSPENDING")}}
		if id := w.twin(); id != "" {
			known.clients = append(known.clients, id)
		}
		var dead atomic.Bool
		check := func(fault.Call, fault.Kind) { dead.Store(!w.works()) }
		w.ping.After(check)
		w.sm.After(check)

		ctx, cancel := context.WithCancel(w.t.Context())
		defer cancel()
		s := &stage{stir: make(chan struct{}, 1)}
		var first [][]byte
		if g.duel.first != nil {
			first = g.duel.first(w)
		} else {
			first = w.events()
		}
		for i, name := range []string{"A", "B"} {
			s.actors[i] = &actor{name: name}
			process := w.process(known, func(call string) error { return s.enter(i, call) })
			go func() {
				events := first
				if i == 1 && s.enter(i, "begin") == nil {
					events = g.duel.second(w)
				}
				for n, ev := range events {
					s.mu.Lock()
					s.actors[i].seen = fmt.Sprint("step ", n)
					s.mu.Unlock()
					if _, err := process.Handle(ctx, ev); err != nil {
						break // Secrets Manager goes no further
					}
				}
				s.mu.Lock()
				s.actors[i].done = true
				s.mu.Unlock()
				s.wake()
			}()
		}

		var at *edge
		var calls []string
		deadFor := 0
		defer func() {
			if g.longest = max(g.longest, deadFor); deadFor > 0 {
				g.broken++
			}
		}()
		for depth := 0; ; depth++ {
			who := s.ready()
			if dead.Load() {
				deadFor++
			}
			key := digest(known.whole(), s.key())
			if at != nil {
				at.to, at.dead = key, dead.Load()
			} else {
				g.first = key
			}
			n, visited := g.nodes[key]
			if !visited {
				n = &node{ends: len(who) == 0}
				g.nodes[key] = n
			}
			if len(who) == 0 {
				if !visited {
					if err := w.settle(); err != nil || !w.works() || w.leaks() != "" || g.duel.leak && (w.accepts(leaked) || !w.unlabelled()) {
						g.fail = fmt.Sprintf("%s: %v\n%s\n%s%s%s", g.duel.name, err, strings.Join(calls, "\n"), w.sm.Dump(), w.ping.Dump(), w.log)
					}
				}
				return
			}
			pick := who[0]
			switch {
			case depth < len(script):
				pick = script[depth]
			case visited:
				cancel()
				for who := s.ready(); len(who) > 0; who = s.ready() {
					s.release(who[0], nil, context.Canceled)
				}
				return
			case len(who) == 2:
				frontier = append(frontier, append(slices.Clone(script), 1))
			}
			if n.next[pick] == nil {
				n.next[pick] = &edge{}
			}
			at = n.next[pick]
			calls = append(calls, s.release(pick, known.meets, nil))
			if depth >= len(script) {
				script = append(slices.Clone(script), pick)
			}
		}
	}, g.duel.opts...)
	return frontier
}

// process returns a rotator in a process of its own, each of whose calls waits for
// its turn. A call's name says what it is about, or two that are made in parallel
// could not be told apart.
func (w *world) process(known *symbols, enter func(call string) error) interface {
	Handle(context.Context, []byte) (any, error)
} {
	hold := func(r *http.Request, body []byte) error {
		var about struct{ VersionId string }
		json.Unmarshal(body, &about) // a form is about nothing
		name := r.Method
		if _, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
			name = action + " " + known.version(about.VersionId)
		} else {
			for _, part := range strings.Split(r.URL.Path, "/") {
				if known.client(part) == "" && !pingone.IsUUID(part) {
					name += " " + part
				}
				name += known.client(part)
			}
		}
		return enter(name)
	}
	other := &world{t: w.t, ping: w.ping, sm: w.sm, log: w.log, settings: w.settings, bubble: true}
	other.connect(&memory.Transport{Handler: w.ping, Pass: hold}, &memory.Transport{Handler: w.sm, Pass: hold})
	return other.rotator
}

// key describes where the actors are.
func (s *stage) key() (key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.actors {
		key += fmt.Sprint(a.seen, a.warm, a.done, ";")
		for _, t := range a.waiting {
			key += t.call + ","
		}
	}
	return key
}

// settle plays Secrets Manager after the duel, until a rotation is finished.
func (w *world) settle() error {
	w.connect(&memory.Transport{Handler: w.ping}, &memory.Transport{Handler: w.sm})
	var err error
	for range 4 {
		w.advance(25 * time.Hour) // a rotation that waits for consumers may go on then
		if err = w.sm.Attempt(w.t.Context(), orders); errors.Is(err, secretsmanagertest.ErrNoRotation) {
			if w.promoted() {
				return nil
			}
			err = w.sm.Rotate(w.t.Context(), orders)
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// A tally is what the graph says of all its interleavings.
type tally struct {
	all, unbroken *big.Int
	longest       int // most calls after which AWSCURRENT did not authenticate
}

func (g *graph) count() tally {
	memo := map[string]tally{}
	var visit func(key string) tally
	visit = func(key string) tally {
		if got, ok := memo[key]; ok {
			return got
		}
		n := g.nodes[key]
		sum := tally{new(big.Int), new(big.Int), 0}
		if n.ends {
			sum.all.SetInt64(1)
			sum.unbroken.SetInt64(1)
		}
		for _, e := range n.next {
			if e == nil {
				continue
			}
			rest := visit(e.to)
			sum.all.Add(sum.all, rest.all)
			longest := rest.longest
			if e.dead {
				longest++
			} else {
				sum.unbroken.Add(sum.unbroken, rest.unbroken)
			}
			sum.longest = max(sum.longest, longest)
		}
		memo[key] = sum
		return sum
	}
	return visit(g.first)
}
