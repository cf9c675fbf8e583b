package plan_test

import "pingrotate/internal/plan"

// The [rules] about emergencies.

func emergencyFirst(s plan.Situation, m plan.Move) string {
	if s.Item.Emergency == nil || !ordinary(s) || s.ReadOnly {
		return ""
	}
	switch {
	case m.Kind == plan.Look, m.Kind == plan.Settle, m.Kind == plan.Complete && s.Goal != plan.Rollback && s.Goal != plan.EndPrevious:
		return ""
	case m.Kind == plan.Stop && m.Why == plan.EmergencyOpen && (s.Goal == plan.Rollback || s.Goal == plan.EndPrevious):
		return ""
	case m.Kind == plan.Done && s.Goal == plan.EndPrevious && s.Done.Shown: // it ended its secrets before the emergency began
		return ""
	}
	return "something else was done"
}

func emergencyOrder(s plan.Situation, m plan.Move) string {
	em := s.Item.Emergency
	if s.Goal != plan.Emergency || em == nil {
		return ""
	}
	v := view(s)
	made := s.Item.Applications[s.Current.Application].Current
	// Minted afterwards: AWSCURRENT's secret is one that was announced after the mark.
	after := s.Current.Fingerprint != "" && made.Fingerprint == s.Current.Fingerprint && made.Announced > em.Mark
	twinDone := true
	if t, ok := s.Views[s.Twin]; ok && s.Twin != "" && s.Twin != s.Current.Application {
		made := s.Item.Applications[s.Twin].Current
		twinDone = made.Fingerprint == t.Current && made.Announced > em.Mark && t.Previous == ""
	}
	twinNew := true // no secret of the twin is older than the mark
	if t, ok := s.Views[s.Twin]; ok && s.Twin != "" && s.Twin != s.Current.Application {
		made := s.Item.Applications[s.Twin].Current
		twinNew = made.Fingerprint == t.Current && made.Announced > em.Mark && !made.Found
	}
	switch m.Kind {
	case plan.Promote, plan.Store:
		if em.How == plan.Contain && made.Fingerprint == v.Current && made.Announced > em.Mark && !made.Found && !twinNew && !s.Done.TwinLater && s.Current.Fingerprint != v.Current {
			return "contain, and consumers are served while a secret of the twin may be in use by a thief"
		}
	case plan.Close:
		if !after || !s.Done.Served || !s.Done.Shown || v.Previous != "" || s.Current.Fingerprint != v.Current || !twinDone {
			return "ended before its time"
		}
	case plan.End:
		if !after || m.Application == s.Current.Application && !s.Done.Served {
			return "consumers do not have the new secret"
		}
		if s.ReplicaBehind && em.How != plan.Contain && m.Application == s.Current.Application {
			return "consumers in another Region do not have the new secret"
		}
	case plan.Mint:
		if m.Application == s.Current.Application && (after || made.Fingerprint == v.Current && v.Current != "" && made.Announced > em.Mark) {
			return "minted twice"
		}
		if m.Application == s.Current.Application && em.How == plan.Swift && !m.Keep {
			return "swift, and consumers are locked out"
		}
		if em.How == plan.Swift && m.Application == s.Current.Application && v.Previous == s.Current.Fingerprint && s.Current.Fingerprint != "" && s.Answers[v.Current] != plan.Refused {
			return "swift, and the secret that consumers hold is evicted"
		}
		if em.How == plan.Swift && m.Application == s.Current.Application && v.Previous != "" && len(s.Item.Secrets) > 1 && !s.Done.Served {
			return "swift, and the secret is evicted that another managed secret may hold"
		}
		shown := false // by PingOne: a secret that must die
		for _, victim := range em.Must {
			shown = shown || victim.Application == m.Application && (victim.Fingerprint == v.Current || victim.Fingerprint == v.Previous)
		}
		if em.How == plan.Contain && m.Keep && shown {
			return "contain, and the leaked secret lives on"
		}
		if em.How == plan.Contain && m.Application == s.Current.Application && !m.Keep && !shown {
			return "contain, and consumers are locked out for nothing"
		}
		if m.Application == s.Twin && m.Application != s.Current.Application && !(after && s.Done.Served) && (em.How == plan.Swift || s.Done.TwinLater) {
			return "the twin's secret comes before those that consumers hold"
		}
	case plan.Done:
		if s.Current.Application != "" {
			return "gave up an open emergency"
		}
	}
	return ""
}
