package plan

import "time"

// Next returns the next move towards the situation's goal. It is the only place that
// decides.
func Next(s Situation) Move {
	if s.Holds {
		if m, ok := s.unknown(); ok {
			return m
		}
		if m, ok := s.unresolved(); ok {
			return m
		}
	}
	if m, ok := s.stale(); ok {
		return m
	}
	if s.Item.Emergency != nil && s.Goal != Emergency && s.Goal != Follow && s.Goal != EndPrevious && !s.ReadOnly {
		if s.Goal == Rollback {
			return stop(EmergencyOpen)
		}
		return Move{Kind: Complete, Why: EmergencyOpen}
	}
	var m Move
	switch s.Goal {
	case Create:
		m = s.create()
	case Finish:
		m = s.finish()
	case Audit:
		m = s.audit()
	case Emergency:
		m = s.emergency()
	case Follow:
		m = s.follow()
	case EndPrevious:
		m = s.endPreviousNow()
	default:
		m = s.rollback()
	}
	return s.gated(m)
}

// gated returns the move, or the one that must come first: an act must follow from a look
// that was made under the lease, and be sent while the lease has time left. Taking a label
// off counts as an act. A run that only reads ends where it would write.
func (s Situation) gated(m Move) Move {
	switch m.Kind {
	case Mint, End, Promote, Untag, Close:
	case Store:
		if m.Label == "" && !s.ReadOnly { // the run's own version, which can still be given up
			return m
		}
	case Take, Provision, Apply, Serve, Show:
		if !s.ReadOnly {
			return m
		}
	case Look:
		if s.ReadOnly && m.Why == NotAccepted {
			return stop(NotAccepted) // as it is now
		}
		return m
	default:
		return m
	}
	switch {
	case s.ReadOnly:
		return Move{Kind: Done, Decision: m.Decision, Why: m.Why}
	case s.Unreachable && (m.Kind == Promote && s.safeUnregistered(m) || m.Kind == Store && s.previousIsCurrent()):
		return m
	case s.Unreachable:
		return Move{Kind: Stop, Decision: m.Decision, Why: RegisterNeeded}
	case !s.Holds || !s.MaySend:
		return Move{Kind: Take, Decision: m.Decision, Why: m.Why}
	}
	return m
}

// safeUnregistered reports whether AWSCURRENT may move although the register is out
// of reach: only where PingOne shows its secret as previous, and only to the current
// secret of the same view.
func (s Situation) safeUnregistered(m Move) bool {
	return s.previousIsCurrent() && m.From == s.Current.ID && m.Fingerprint == s.view().Current
}

func (s Situation) previousIsCurrent() bool {
	return s.Current.Fingerprint != "" && s.view().Previous == s.Current.Fingerprint
}

func stop(why Why) Move { return Move{Kind: Stop, Why: why} }

func look(why Why, until time.Time) Move { return Move{Kind: Look, Why: why, Until: until} }
