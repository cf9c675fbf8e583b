package plan

import "time"

// audit finishes what earlier runs left, and keeps alive every secret that consumers need.
func (s Situation) audit() Move {
	if s.Current.Application == "" || s.Current.Fingerprint == "" && !s.Emptied() {
		if m, ok := s.orphan(); ok {
			return m // left there, the label would keep the first rotation from starting
		}
		return Move{Kind: Done}
	}
	switch s.Standing() {
	case Undecided:
		return Move{Kind: Ask, Ask: []string{s.Current.Fingerprint, s.view().Current}}
	case Contradicted:
		return Move{Kind: Done, Why: Contradiction} // the next audit sees it settled
	case Unaccepted:
		return s.notAccepted()
	case Mute:
		return stop(NotAskable)
	}
	switch {
	case s.dying():
		return s.heal(Dying)
	case s.leftBehind() && !s.Unreachable:
		return s.heal(LeftBehind)
	case s.Unreachable:
		return Move{Kind: Done, Why: RegisterNeeded}
	}
	if m, ok := s.endPrevious(); ok {
		return m
	}
	if m, ok := s.orphan(); ok {
		return m
	}
	return Move{Kind: Done}
}

// endPrevious ends a replaced secret that consumers have stopped using: after its grace, or
// earlier if the document says so.
func (s Situation) endPrevious() (Move, bool) {
	v := s.view()
	if s.Current.Fingerprint != v.Current || v.Previous == "" || s.ReplicaBehind || s.OtherBehind != "" || !idle(v, s.Current.Since) || s.running() {
		return Move{}, false
	}
	if v.At.Sub(s.Current.Since) < s.Grace && !s.EndWhenIdle {
		return Move{}, false
	}
	return Move{Kind: End, Application: s.Current.Application, Fingerprint: v.Previous, Why: Idle}, true
}

// running reports whether a rotation may be under way, started by Secrets Manager or by an
// action.
func (s Situation) running() bool {
	return s.rotating() || s.unpromoted(s.Labels.Manual) && s.Now.Sub(s.Changed) < Quiet
}

// rotating reports whether a rotation that Secrets Manager started may be under way. The
// rotation of a version that has been AWSCURRENT is over, whatever label the version still
// has.
func (s Situation) rotating() bool {
	return s.unpromoted(s.Labels.Pending) && s.Now.Sub(s.Changed) < Quiet
}

// unpromoted reports whether a version is another run's, and has not been AWSCURRENT as far
// as the labels show.
func (s Situation) unpromoted(version string) bool {
	return version != "" && version != s.Current.ID && version != s.Labels.Previous && version != s.Rotation
}

// orphan takes a label off a version that no run will finish. AWSPENDING left there would
// keep Secrets Manager from ever starting another rotation.
func (s Situation) orphan() (Move, bool) {
	if s.Now.Sub(s.Changed) < Quiet {
		return Move{}, false
	}
	if s.Labels.Healed != "" && s.Labels.Healed == s.Current.ID {
		return Move{Kind: Untag, Label: HealLabel, From: s.Current.ID, Why: NoReason}, true
	}
	for _, v := range s.Others {
		if !v.Stored || v.ID == s.Current.ID {
			continue
		}
		for _, label := range []string{PendingLabel, ManualLabel, HealLabel} {
			if s.holder(label) == v.ID && s.unfinishable(v, label) {
				return Move{Kind: Untag, Label: label, From: v.ID, Why: Orphaned}, true
			}
		}
	}
	return Move{}, false
}

func (s Situation) holder(label string) string {
	switch label {
	case PendingLabel:
		return s.Labels.Pending
	case ManualLabel:
		return s.Labels.Manual
	}
	return s.Labels.Healed
}

// unfinishable reports whether a version cannot be promoted, or no run is left to promote
// it.
func (s Situation) unfinishable(v Version, label string) bool {
	view, seen := s.Views[v.Application]
	switch {
	case v.ID == s.Labels.Previous:
		return true
	case !seen:
		return s.age(v) >= TwinWaits
	case view.Current != v.Fingerprint:
		return s.age(v) >= Settling
	case label != PendingLabel:
		return s.age(v) >= Quiet // an action that died; what it made is adopted
	case v.Fingerprint == s.Current.Fingerprint && v.Application == s.Current.Application:
		return s.age(v) >= Quiet // AWSCURRENT has its secret already
	}
	return v.Application != s.Current.Application && s.age(v) >= TwinWaits
}

func (s Situation) age(v Version) time.Duration { return s.Now.Sub(v.Created) }
