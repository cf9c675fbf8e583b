package plan

import "slices"

// rollback moves AWSCURRENT back to the version before it, where two applications take
// turns.
func (s Situation) rollback() Move {
	i := slices.IndexFunc(s.Others, func(v Version) bool { return v.ID == s.Labels.Previous })
	switch {
	case s.Item.Emergency != nil: // only a preview gets here: [Next] stops other runs
		return stop(EmergencyOpen)
	case s.Rotation != "" && s.Labels.Current == s.Rotation:
		return Move{Kind: Done}
	case !s.Alternates || i < 0 || s.Others[i].Fingerprint == "" || s.Others[i].Application != s.Twin || s.Twin == "" || s.Others[i].ID != s.Rotation:
		return stop(NoWayBack)
	case s.running():
		return Move{Kind: Stop, Why: RotationRunning, Until: s.Changed.Add(Quiet)}
	}
	to := s.Others[i]
	v := s.Views[s.Twin]
	if v.Current != to.Fingerprint {
		m := stop(NotCurrent)
		if v.Previous == to.Fingerprint {
			m.Until = v.Expires
		}
		return m
	}
	switch s.Answers[to.Fingerprint] {
	case NotAsked:
		return Move{Kind: Ask, Ask: []string{to.Fingerprint}}
	case Refused:
		return stop(NotAccepted)
	case Unclear:
		return stop(NotAskable)
	}
	return s.promote(to, NoReason)
}
