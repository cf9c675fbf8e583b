package pingonetest

import (
	"time"

	"pingrotate/internal/fault"
)

// Node is one of the hosts that answer an environment's clients, at the token and
// the introspection endpoint. Each learns of a change in its own time.
type Node struct {
	Learns  time.Duration // how long after a regeneration it refuses the new secret
	Forgets time.Duration // how long after a secret has ended it accepts it
}

// Nodes sets the hosts that answer clients. They take turns, call by call, unless
// [Server.Route] says otherwise. With none given there is one, which is up to date. The
// times also apply to earlier changes.
func (s *Server) Nodes(nodes ...Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes, s.turn = nodes, 0
}

// Route sets the hook that decides which of the nodes answers a call, by its
// position in [Server.Nodes], modulo their number. Nil lets them take turns. The
// hook must not call the server.
func (s *Server) Route(hook func(fault.Call) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.route = hook
}

// PropagationDelay makes the token endpoint refuse a regenerated secret until it is this
// old. It is short for one [Node] with this Learns.
func (s *Server) PropagationDelay(d time.Duration) { s.Nodes(Node{Learns: d}) }

// node returns the node that answers a call.
func (s *Server) node(c fault.Call) Node {
	if len(s.nodes) == 0 {
		return Node{}
	}
	i := s.turn
	if s.route != nil {
		i = s.route(c)
	} else {
		s.turn++
	}
	return s.nodes[((i%len(s.nodes))+len(s.nodes))%len(s.nodes)]
}

// proof is what a client sends instead of its secret, or the secret itself.
type proof struct {
	fits        func(secret string) bool
	currentOnly bool // the previous secret does not make such a proof good
}

// accepts reports whether a node accepts the proof, and whether it takes it for a proof by
// the previous secret.
func (s *Server) accepts(k *keeper, p proof, node Node, lag fault.Lag) (ok, previous bool) {
	now := s.Now()
	seen := k.seen(now, lag)
	fits := func(secret string, regenerated time.Time) bool {
		known := regenerated.IsZero() || !now.Before(regenerated.Add(node.Learns))
		return secret != "" && known && p.fits(secret)
	}
	if r := seen.retained(now); !p.currentOnly && fits(r.secret, r.regenerated) {
		return true, true
	}
	if fits(seen.secret, seen.regenerated) {
		return true, false
	}
	return s.remembers(k, p, now.Add(-node.Forgets)), false
}

// remembers reports whether the proof was good at some time after this.
func (s *Server) remembers(k *keeper, p proof, after time.Time) bool {
	good := false
	look := func(r retained) {
		good = good || !p.currentOnly && r.secret != "" && r.expires.After(after) && p.fits(r.secret)
	}
	if !after.Before(s.Now()) {
		return false
	}
	look(k.previous)
	k.past.Since(after, func(former secretState, _ time.Time) {
		good = good || former.secret != "" && former.secret != k.secret && p.fits(former.secret)
		look(former.previous)
	})
	return good
}

// Authenticates reports whether the token endpoint would accept the secret from this client
// now, in the application's own authentication method and on every node. For a custom
// resource, by its id, it asks about the introspection endpoint. It is neither a call nor a
// use of the secret, and ignores [fault.Line.Lag].
func (s *Server) Authenticates(env, clientID, secret string) bool {
	return s.judge(env, clientID, secret, true)
}

// AcceptedSomewhere is Authenticates on at least one node instead of every one: a secret
// that has ended must not be accepted anywhere.
func (s *Server) AcceptedSomewhere(env, clientID, secret string) bool {
	return s.judge(env, clientID, secret, false)
}

func (s *Server) judge(env, clientID, secret string, everywhere bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var k *keeper
	p := proof{fits: func(good string) bool { return secret == good }}
	if r := s.customResource(env, clientID); r != nil {
		k = &r.keeper
	} else if a := s.client(env, clientID); a != nil && !a.Disabled {
		switch a.TokenEndpointAuthMethod {
		case methodBasic, methodPost:
			k = &a.keeper
		case methodSecretJWT:
			k, p.currentOnly = &a.keeper, !s.assumed.PreviousSigns
		}
	}
	if k == nil {
		return false
	}
	nodes := s.nodes
	if len(nodes) == 0 {
		nodes = []Node{{}}
	}
	for _, node := range nodes {
		if ok, _ := s.accepts(k, p, node, fault.Lag{}); ok != everywhere {
			return ok
		}
	}
	return everywhere
}
