package plan

// emergency ends what leaked. Whatever a crash leaves leads here again: the emergency
// stays open in the register until everything that it names is shown to be dead, and
// AWSCURRENT was minted after its mark.
func (s Situation) emergency() Move {
	em := s.Item.Emergency
	if em == nil || s.Current.Application == "" {
		return Move{Kind: Done}
	}
	a, v := s.Current.Application, s.view()
	known := s.Item.Applications[a].Current
	behind := s.Current.Fingerprint != v.Current
	if !em.After(known, s.Current.Fingerprint) {
		if !s.contains() {
			switch s.Standing() {
			case Undecided:
				return Move{Kind: Ask, Ask: []string{s.Current.Fingerprint, v.Current}}
			case Contradicted:
				return look(Contradiction, s.Now.Add(Settling))
			}
		}
		switch {
		case behind && em.After(known, v.Current):
			return s.heal(LeftBehind) // minted for this emergency; there is no other mint
		case behind && !s.contains() && s.Answers[v.Current] == Refused:
			// It cannot be given to consumers, and need not be: the next one can.
		case behind && !s.contains():
			return s.heal(Dying) // consumers get the newest secret before it becomes the previous one
		}
		return Move{Kind: Mint, Decision: Regenerate, Application: a, Fingerprint: v.Current, Keep: !s.contains()}
	}
	if behind {
		return s.heal(Dying)
	}
	if !s.Done.Served {
		return Move{Kind: Serve}
	}
	if v.Previous != "" {
		return Move{Kind: End, Application: a, Fingerprint: v.Previous, Why: EmergencyOpen}
	}
	if t, ok := s.Views[s.Twin]; ok && s.Twin != "" && s.Twin != a {
		if !em.After(s.Item.Applications[s.Twin].Current, t.Current) {
			return Move{Kind: Mint, Decision: Regenerate, Application: s.Twin, Fingerprint: t.Current}
		}
		if t.Previous != "" {
			return Move{Kind: End, Application: s.Twin, Fingerprint: t.Previous, Why: EmergencyOpen}
		}
	}
	if !s.Done.Shown {
		return Move{Kind: Show}
	}
	return Move{Kind: Close}
}
