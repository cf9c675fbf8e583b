package plan

import "slices"

// endPreviousNow ends the previous secrets that a person names, before their grace is over.
// Every managed secret of the client must hold the current one, in every Region, and no
// rotation may be under way. Consumers must have stopped using the previous one too, unless
// they are to be locked out.
func (s Situation) endPreviousNow() Move {
	switch {
	case s.Done.Shown: // what has happened since concerns other secrets
		return Move{Kind: Done}
	case s.Item.Emergency != nil:
		return stop(EmergencyOpen)
	case s.Current.Application == "" || s.Current.Fingerprint == "":
		return stop(NotFilled)
	}
	for _, application := range []string{s.Current.Application, s.Twin} {
		v, seen := s.Views[application]
		if !seen || application == "" || v.Previous == "" || !slices.Contains(s.Ends, v.Previous) {
			continue
		}
		if m, ok := s.needed(application, v); ok {
			return m
		}
		return Move{Kind: End, Application: application, Fingerprint: v.Previous, Why: Asked}
	}
	return Move{Kind: Show}
}

// needed returns the move that keeps a previous secret alive, or that finds out whether it
// must be kept. It returns false if the secret may end.
func (s Situation) needed(application string, v View) (Move, bool) {
	own := s.Current.Fingerprint
	switch s.Standing() {
	case Undecided:
		return Move{Kind: Ask, Ask: []string{own, s.view().Current}}, true
	case Contradicted:
		return stop(Contradiction), true
	case Unaccepted:
		return stop(NotAccepted), true
	case Mute:
		return stop(NotAskable), true
	case IsPrevious, Dead:
		return stop(Behind), true
	}
	switch {
	case s.Off[s.Current.Application]:
		return stop(NotAskable), true
	case s.Answers[own] == NotAsked:
		return Move{Kind: Ask, Ask: []string{own}}, true
	case s.Answers[own] == Refused:
		return stop(NotAccepted), true
	case s.Answers[own] == Unclear:
		return stop(NotAskable), true
	case s.running():
		return Move{Kind: Stop, Why: RotationRunning, Until: s.Changed.Add(Quiet)}, true
	case s.ReplicaBehind:
		return stop(Replicas), true
	case s.OtherBehind != "" && application == s.Current.Application:
		return stop(OtherLags), true
	}
	since := s.Current.Since
	if application != s.Current.Application {
		_, since = s.held()
	}
	if v.Expires.After(v.At) && !idle(v, since) && !s.LockOut {
		until := idleSince(v, since).Add(IdleAfter)
		if v.Expires.Before(until) {
			until = v.Expires
		}
		return Move{Kind: Stop, Why: Lagging, Application: application, Fingerprint: v.Previous, Until: until}, true
	}
	return Move{}, false
}
