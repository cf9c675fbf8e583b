package rotation_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// A duel is a situation in which several invocations run at once.
type duel struct {
	name    string
	opts    []option
	copied  func(w *world) // makes another managed secret of the client, where there is one
	before  func(w *world)
	actors  []func(w *world) [][]byte // each returns its events, when it is its turn to begin
	faults  int                       // how many deaths, faults and late requests there are
	stale   int                       // how many reads show the state before
	leak    bool                      // an emergency is among them
	contain bool
	mints   int // at most; 1 for each rotation where it is zero
}

// A node is a state of the whole: what the three services hold, and what each actor has
// seen in its current invocation. Nothing else influences what follows, so interleavings
// that meet in a node are the same from there on.
type node struct {
	next []*edge // by choice
	ends bool
}

type edge struct{ to string }

// A graph is what is known about the interleavings of a duel.
type graph struct {
	duel  duel
	nodes map[string]*node
	first string
	runs  int
	open  int // branches that were not played
	rand  *rand.Rand

	// Looks at AWSCURRENT, those in which contain had let it die, and those in which it was
	// dead by a thief's act.
	looks, excused, stolen atomic.Int64
	fail                   string // the first interleaving that did not end well
}

// explore tries every interleaving: it plays one to its end, and returns to each node that
// had another choice. If there are too many, it returns to a sample of these nodes, which
// is the same each time.
func (g *graph) explore(t *testing.T, limit int) {
	g.nodes = map[string]*node{}
	frontier := [][]int{nil}
	g.rand = rand.New(rand.NewPCG(1, 2))
	for len(frontier) > 0 && g.fail == "" && g.runs < limit {
		last := len(frontier) - 1
		i := g.rand.IntN(len(frontier))
		frontier[i], frontier[last] = frontier[last], frontier[i]
		script := frontier[last]
		frontier = append(frontier[:last], g.play(t, script)...)
		g.runs++
	}
	g.open = len(frontier)
}

// play replays a script of choices, and continues from its end until all actors are done or
// it reaches a known node. It returns the scripts that remain to be tried.
func (g *graph) play(t *testing.T, script []int) (frontier [][]int) {
	inBubble(t, func(w *world) {
		if g.duel.copied != nil {
			g.duel.copied(w)
		}
		if g.duel.before != nil {
			g.duel.before(w)
		}
		p := stagePlay(g, w)
		defer p.stage.drain()
		var at *edge
		last := 0
		for depth := 0; ; depth++ {
			some := p.stage.ready()
			if p.failed() {
				g.fail = p.report()
				return
			}
			choices := p.choices()
			key := digest(p.known.whole(), p.stage.key(), fmt.Sprint(p.faults, p.stale, p.late()))
			if at != nil {
				at.to = key
			} else {
				g.first = key
			}
			n, visited := g.nodes[key]
			if !visited {
				n = &node{ends: !some, next: make([]*edge, len(choices))}
				g.nodes[key] = n
			}
			if !some {
				if !visited {
					p.stage.drain()
					if p.settle(); p.failed() {
						g.fail = p.report()
					}
				}
				return
			}
			pick := 0
			switch {
			case depth < len(script):
				pick = script[depth]
			case visited:
				return
			default:
				pick = g.pick(choices, last)
				for i := range choices {
					if i != pick {
						frontier = append(frontier, append(slices.Clone(script), i))
					}
				}
			}
			pick = min(pick, len(n.next)-1, len(choices)-1)
			if n.next[pick] == nil {
				n.next[pick] = &edge{}
			}
			at = n.next[pick]
			last = choices[pick].who
			p.pass(choices[pick])
			if depth >= len(script) {
				script = append(slices.Clone(script), pick)
			}
		}
	}, g.duel.opts...)
	return frontier
}

// pick chooses how to leave a new node first: usually by the actor that was at work, often
// by another one, and sometimes by something that goes wrong.
func (g *graph) pick(choices []choice, last int) int {
	var same, well []int
	for i, c := range choices {
		if c.deliver || c.stale || c.pause || c.fate != (fate{}) {
			continue
		}
		well = append(well, i)
		if c.who == last {
			same = append(same, i)
		}
	}
	switch n := g.rand.IntN(16); {
	case n < 10 && len(same) > 0:
		return same[0]
	case n < 15 && len(well) > 0:
		return well[g.rand.IntN(len(well))]
	}
	return g.rand.IntN(len(choices))
}

// count returns how many interleavings a fully played graph has.
func (g *graph) count() *big.Int {
	memo := map[string]*big.Int{}
	var visit func(key string) *big.Int
	visit = func(key string) *big.Int {
		if got, ok := memo[key]; ok {
			return got
		}
		sum := new(big.Int)
		n := g.nodes[key]
		if n.ends {
			sum.SetInt64(1)
		}
		for _, e := range n.next {
			if e != nil && e.to != "" {
				sum.Add(sum, visit(e.to))
			}
		}
		memo[key] = sum
		return sum
	}
	return visit(g.first)
}
