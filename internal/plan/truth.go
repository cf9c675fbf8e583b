package plan

import (
	"slices"

	"pingrotate/internal/register"
)

// Reads lag. What a look shows is compared with the register, and an announced act without
// an outcome is resolved before the next.

// stale returns a move if the register shows that the look is out of date.
func (s Situation) stale() (Move, bool) {
	if s.Unreachable {
		return Move{}, false
	}
	for id, v := range s.Views {
		if s.Item.Superseded(id, v.Current) && !s.Item.Yields(id, s.Now) {
			return look(Stale, s.Now.Add(register.ReadLag)), true
		}
	}
	if s.Item.MovedOn(s.Secret, s.Current.ID, s.Now) {
		return look(Stale, s.Item.Secrets[s.Secret].Since.Add(register.ReadLag)), true
	}
	return Move{}, false
}

// unknown waits until an act that a lost item may have announced has taken effect or no
// longer can. Even an emergency that contains waits: the act may be another emergency's. A
// managed secret's first secret waits for nothing: no consumer holds one that the act could
// end, and AWSCURRENT moves only from the version that holds none.
func (s Situation) unknown() (Move, bool) {
	first := s.Current.Fingerprint == "" && !s.Emptied()
	if s.Goal == Finish && (first || s.Labels.Current == s.Rotation) { // or only a label is left
		return Move{}, false
	}
	if ok, from := s.Item.Known(s.Now); !ok {
		return look(Unknown, from), true
	}
	return Move{}, false
}

// unresolved waits until an announced act shows, or is too old to take effect.
func (s Situation) unresolved() (Move, bool) {
	in := s.Item.Intent
	if in == nil || s.contains() && in.By != ByEmergency {
		return Move{}, false
	}
	shows, fingerprint := s.effect(*in)
	if shows && s.spent(*in) {
		return Move{Kind: Settle, Happened: true, Application: in.Application, Fingerprint: fingerprint}, true
	}
	if overdue, from := in.Overdue(s.Now); !overdue {
		return look(Unresolved, from), true
	}
	return Move{Kind: Settle, Happened: shows, Application: in.Application, Fingerprint: fingerprint}, true
}

// effect reports whether the look shows an announced act. For a mint it returns the
// fingerprint of the secret that was made.
func (s Situation) effect(in register.Intent) (shows bool, fingerprint string) {
	v, seen := s.Views[in.Application]
	switch in.Act {
	case register.Mint:
		if seen && v.Current != in.Before && !s.Item.Superseded(in.Application, v.Current) {
			return true, v.Current
		}
	case register.Promote:
		return in.Secret == s.Secret && s.Labels.Current == in.To, ""
	}
	return false, ""
}

// spent reports whether the request of an act that shows can no longer arrive. For a mint,
// that takes the secret before it as PingOne's previous one: any other current secret may
// be an older one, or another run's. For the end of a secret, nothing shows it: the request
// may still arrive, and would end whichever secret is previous by then.
func (s Situation) spent(in register.Intent) bool {
	return in.Act == register.Promote || in.Act == register.Mint && s.Views[in.Application].Previous == in.Before
}

// contains reports whether the run is an emergency that ends the leaked secret before
// consumers have another. Once it has, or PingOne shows none of the secrets that must die,
// it continues like any other: what leaked is dead, and locking consumers out again would
// gain nothing.
func (s Situation) contains() bool {
	em := s.Item.Emergency
	if s.Goal != Emergency || em == nil || em.How != Contain {
		return false
	}
	a, v := s.Current.Application, s.view()
	made := s.Item.Applications[a].Current
	return !em.After(made, made.Fingerprint) && slices.ContainsFunc(em.Must, func(m register.Victim) bool {
		return m.Application == a && (m.Fingerprint == v.Current || m.Fingerprint == v.Previous)
	})
}

// Contain and Swift are the two ways of an emergency.
const (
	Swift   = "swift"
	Contain = "contain"
)
