package plan

// emergency ends what leaked. Whatever a crash leaves, the next run continues here: the
// emergency stays open in the register until every secret that it names is shown to be
// dead, and AWSCURRENT was minted after its mark.
func (s Situation) emergency() Move {
	em := s.Item.Emergency
	if em == nil || s.Current.Application == "" {
		return Move{Kind: Done}
	}
	a, v := s.Current.Application, s.view()
	known := s.Item.Applications[a].Current
	behind := s.Current.Fingerprint != v.Current
	if !em.After(known, s.Current.Fingerprint) {
		switch {
		case behind && em.After(known, v.Current) && em.How == Contain && !s.Done.TwinLater && s.twinOutlives():
			return s.mintTwin() // it may have leaked as well; consumers are locked out already
		case behind && em.After(known, v.Current):
			return s.heal(LeftBehind) // minted for this emergency: there is no second mint
		case s.Standing() == IsPrevious && !s.contains() && s.Answers[v.Current] != Refused:
			return s.heal(Dying) // the mint would evict the secret that consumers hold
		case s.Standing() == IsPrevious && !s.contains() && known.Fingerprint == v.Current && s.Now.Sub(known.At) < Settling:
			return s.notAccepted() // not every host knows it yet
		case (len(s.Item.Secrets) > 1 || s.Item.MayMiss(s.Now)) && !s.contains() && !s.Done.Served:
			return Move{Kind: Serve} // the mint would evict what consumers of another managed secret hold
		}
		return Move{Kind: Mint, Decision: Regenerate, Application: a, Fingerprint: v.Current, Keep: !s.contains()}
	}
	if behind {
		return s.heal(Dying)
	}
	if !s.Done.Served {
		return Move{Kind: Serve}
	}
	if v.Previous != "" && s.ReplicaBehind && !s.contains() {
		return look(Replicas, s.Now.Add(Settling))
	}
	if v.Previous != "" {
		return Move{Kind: End, Application: a, Fingerprint: v.Previous, Why: EmergencyOpen}
	}
	if s.twinOutlives() {
		return s.mintTwin()
	}
	if t, ok := s.twin(); ok && t.Previous != "" {
		return Move{Kind: End, Application: s.Twin, Fingerprint: t.Previous, Why: EmergencyOpen}
	}
	if !s.Done.Shown {
		return Move{Kind: Show}
	}
	return Move{Kind: Close}
}

// twin returns the view of the twin, if there is one.
func (s Situation) twin() (v View, ok bool) {
	v, ok = s.Views[s.Twin]
	return v, ok && s.Twin != "" && s.Twin != s.Current.Application
}

// twinOutlives reports whether the twin has a secret that was not minted for the open
// emergency.
func (s Situation) twinOutlives() bool {
	v, ok := s.twin()
	return ok && !s.Item.Emergency.After(s.Item.Applications[s.Twin].Current, v.Current)
}

// mintTwin ends all of the twin's secrets at once: AWSCURRENT holds none of them.
func (s Situation) mintTwin() Move {
	return Move{Kind: Mint, Decision: Regenerate, Application: s.Twin, Fingerprint: s.Views[s.Twin].Current}
}

// follow gives a managed secret its client's current secret, which the emergency of another
// managed secret minted. Unless the emergency contains, consumers in other Regions get it
// too before the secret that they hold ends.
func (s Situation) follow() Move {
	if s.Current.Fingerprint != s.view().Current {
		return s.heal(EmergencyOpen)
	}
	if em := s.Item.Emergency; em != nil && em.How != Contain && s.ReplicaBehind && s.view().Previous != "" {
		return look(Replicas, s.Now.Add(Settling))
	}
	return Move{Kind: Done}
}
