package plan

import "pingrotate/internal/register"

// A Standing is how AWSCURRENT's secret stands in PingOne.
type Standing int

const (
	Empty        Standing = iota // AWSCURRENT holds no secret
	IsCurrent                    // PingOne's current secret
	IsPrevious                   // PingOne's previous secret, which will end
	Dead                         // neither, and refused, while PingOne's current one is accepted
	Undecided                    // neither; PingOne has to be asked
	Contradicted                 // neither, yet accepted, or stored a moment ago: an answer may be stale
	Unaccepted                   // neither, and refused, and so is PingOne's current one, which may be too new
	Mute                         // neither, and PingOne cannot be asked
)

// Standing returns how AWSCURRENT's secret stands in PingOne.
func (s Situation) Standing() Standing {
	own, v := s.Current.Fingerprint, s.view()
	switch {
	case own == "":
		return Empty
	case own == v.Current:
		return IsCurrent
	case own == v.Previous:
		return IsPrevious
	case s.Off[s.Current.Application]:
		return Mute
	}
	switch s.Answers[own] {
	case NotAsked:
		return Undecided
	case Accepted:
		return Contradicted
	case Unclear:
		return Mute
	}
	// A person may have regenerated and stored the result a moment ago, while the view
	// and a node of the token endpoint still show the state before.
	if s.Now.Sub(s.Current.Created) < register.ReadLag {
		return Contradicted
	}
	switch s.Answers[v.Current] {
	case NotAsked:
		return Undecided
	case Accepted:
		return Dead
	case Refused:
		return Unaccepted
	}
	return Mute
}

// dying reports whether AWSCURRENT must move now, whatever the document demands: its secret
// is dead, or ends soon, or is missing from the document.
func (s Situation) dying() bool {
	v := s.view()
	switch s.Standing() {
	case Dead:
		return !s.Unreachable // without the register, refusal counts for nothing
	case Empty:
		return s.Emptied() && !s.Unreachable
	case IsPrevious:
		refused := s.Answers[s.Current.Fingerprint] == Refused && !s.Off[s.Current.Application] && !s.Unreachable
		return refused || v.Expires.Sub(v.At) < promoteBefore(s.Grace)
	}
	return false
}

// Emptied reports whether AWSCURRENT has lost its secret: the version before it holds one
// of the same application, or consumers were given one by a move that the register
// recorded. A second edit of a document without its secret puts AWSPREVIOUS on the first.
func (s Situation) Emptied() bool {
	if s.Current.Application == "" || s.Current.Fingerprint != "" {
		return false
	}
	if s.Item.Secrets[s.Secret].Fingerprint != "" {
		return true
	}
	for _, v := range s.Others {
		if v.ID == s.Labels.Previous && v.Fingerprint != "" && v.Application == s.Current.Application {
			return true
		}
	}
	return false
}

// leftBehind reports whether AWSCURRENT holds PingOne's previous secret because a run
// stopped before it promoted, and nothing will repeat it. Secrets Manager repeats its own
// rotations while their version is labelled AWSPENDING; nothing repeats any other run.
func (s Situation) leftBehind() bool {
	// An expired lease belongs to a run that died, or could not give it back.
	free, _ := s.Item.MayTake("", s.Now)
	if s.Standing() != IsPrevious || !free && !s.Holds || s.Now.Sub(s.Changed) < Quiet {
		return false
	}
	made := s.Item.Applications[s.Current.Application].Current
	if made.Fingerprint == s.view().Current && s.Now.Sub(made.At) < Quiet {
		return false
	}
	pending := s.Labels.Pending != "" && s.Labels.Pending != s.Current.ID
	return !pending || made.Fingerprint == s.view().Current && made.By != "" && !stepMade(made)
}

// heal gives consumers PingOne's current secret, once that authenticates. A disabled
// application authenticates nothing, but its fuse still burns, so there PingOne's view is
// enough. An emergency stores the secret while it asks PingOne about it: whatever the
// answer, a version that holds it does no harm.
func (s Situation) heal(why Why) Move {
	c := s.view().Current
	hurry := s.Goal == Emergency || s.Goal == Follow
	to, stored := s.find(c)
	var ask []string
	switch {
	case s.Off[s.Current.Application]:
	case s.Answers[c] == NotAsked && hurry && !stored:
		ask = []string{c}
	case s.Answers[c] == NotAsked:
		return Move{Kind: Ask, Ask: []string{c}}
	case s.Answers[c] == Refused:
		return s.notAccepted()
	case s.Answers[c] == Unclear && !hurry:
		return stop(NotAskable)
	}
	if !stored {
		return Move{Kind: Store, Application: s.Current.Application, Fingerprint: c, Label: HealLabel, Ask: ask, Why: why}
	}
	return s.promote(to, why)
}

// notAccepted waits for PingOne to accept its current secret, and asks it again.
func (s Situation) notAccepted() Move {
	m := look(NotAccepted, s.Now.Add(Settling))
	m.Ask = []string{s.view().Current}
	return m
}

// promote moves AWSCURRENT to a version outside the four steps. AWSPENDING must not stay on
// the version that AWSCURRENT leaves, or Secrets Manager would start no more rotations.
func (s Situation) promote(to Version, why Why) Move {
	if s.Labels.Pending != "" && s.Labels.Pending == s.Current.ID {
		return Move{Kind: Untag, Label: PendingLabel, From: s.Current.ID, Why: why}
	}
	return Move{Kind: Promote, Application: to.Application, Fingerprint: to.Fingerprint, From: s.Current.ID, To: to.ID, Why: why}
}

// The staging labels that a run puts on versions or takes off.
const (
	PendingLabel = "AWSPENDING"

	// ManualLabel is on the version that an action makes. AWSPENDING would not do: Secrets
	// Manager repeats only its own rotations, and starts none while another version has
	// that label.
	ManualLabel = "PINGROTATE"

	// HealLabel is on a version that holds PingOne's current secret for consumers whose
	// own is about to end.
	HealLabel = "PINGROTATE-HEAL"
)
