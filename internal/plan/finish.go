package plan

// finish moves AWSCURRENT to the run's version.
func (s Situation) finish() Move {
	switch {
	case s.Labels.Current == s.Rotation && s.Manual && s.Labels.Manual == s.Rotation:
		return Move{Kind: Untag, Label: ManualLabel, From: s.Rotation, Why: NoReason} // only the label is left
	case s.Labels.Current == s.Rotation:
		return Move{Kind: Done}
	case !s.Own.Stored:
		return stop(NotStored)
	case s.RotationClosed != "":
		return stop(Closed)
	case s.Own.Foreign:
		return stop(Foreign)
	case !s.Own.Follows:
		return stop(Edited)
	case !s.Done.Verified:
		return Move{Kind: Verify, Fingerprint: s.Own.Fingerprint}
	}
	v, seen := s.Views[s.Own.Application]
	switch {
	case !seen && !s.Holds && !s.Unreachable:
		return Move{Kind: Take}
	case !seen:
		return stop(NotCurrent)
	case v.Current != s.Own.Fingerprint && !s.Holds && !s.Unreachable:
		return Move{Kind: Take}
	case v.Current != s.Own.Fingerprint:
		return look(NotCurrent, s.Now.Add(Settling))
	}
	if s.Manual {
		return s.promote(s.Own, NoReason)
	}
	return Move{Kind: Promote, Application: s.Own.Application, Fingerprint: s.Own.Fingerprint, From: s.Current.ID, To: s.Own.ID}
}
