package plan

import "pingrotate/internal/register"

// create decides createSecret, in the order of the table in docs/design.md.
func (s Situation) create() Move {
	if s.RotationClosed != "" {
		return stop(Closed)
	}
	if s.Own.Stored {
		return s.stored()
	}
	switch {
	case s.Manual && s.rotating():
		return look(RotationRunning, s.Changed.Add(Quiet))
	case s.Current.Application == "":
		return Move{Kind: Provision, Decision: Seed}
	case s.Emptied():
		return s.adopt(s.Current.Application, Drift)
	case s.Current.Fingerprint == "":
		return s.adopt(s.Current.Application, Seed)
	case s.Alternates:
		return s.alternate()
	}
	if m, ok := s.fate(s.Current.Application); ok {
		return m
	}
	switch s.Standing() {
	case IsPrevious:
		return s.adopt(s.Current.Application, Adopt)
	case Dead:
		return s.adopt(s.Current.Application, Drift)
	case Undecided:
		return Move{Kind: Ask, Ask: []string{s.Current.Fingerprint, s.view().Current}}
	case Contradicted:
		m := look(Contradiction, s.Current.Created.Add(register.ReadLag))
		m.Ask = []string{s.Current.Fingerprint}
		return m
	case Unaccepted:
		return s.notAccepted()
	case Mute:
		return stop(NotAskable)
	}
	return s.regenerate(s.Current.Application)
}

// alternate regenerates the idle twin's secret. Consumers do not hold it, so nothing is
// urgent.
func (s Situation) alternate() Move {
	if s.Standing() == Undecided {
		return Move{Kind: Ask, Ask: []string{s.Current.Fingerprint, s.view().Current}}
	}
	if s.dying() { // consumers' own application comes first
		return s.heal(Dying)
	}
	if s.Twin == "" { // still to be created; its first secret is taken over
		if !s.Done.Proved {
			return Move{Kind: Prove, Decision: Seed}
		}
		return Move{Kind: Provision, Decision: Seed}
	}
	if m, ok := s.fate(s.Twin); ok {
		return m
	}
	if s.Unused {
		return s.adopt(s.Twin, Seed) // its first secret, which no consumer holds
	}
	held, _ := s.held()
	if held != "" && held != s.Views[s.Twin].Current || held == "" && s.unused(s.Twin) {
		return s.adopt(s.Twin, Adopt) // an earlier run regenerated, and got no further
	}
	return s.regenerate(s.Twin)
}

// unused reports whether no consumer can hold the application's current secret: it was
// minted for this managed secret after AWSCURRENT last moved. The register shows this where
// labels cannot: an edit of AWSCURRENT gives AWSPREVIOUS to the version before the edit,
// and then no version of the application is labelled. Another mint would end the secret
// that consumers may still hold from before the last rotation.
func (s Situation) unused(application string) bool {
	made := s.Item.Applications[application].Current
	return made.Secret == s.Secret && made.Fingerprint != "" && made.Fingerprint == s.Views[application].Current &&
		made.At.After(s.Item.Secrets[s.Secret].Since)
}

// fate returns what follows from a mint that the register records for this rotation: there
// is no second one, whatever else has changed.
func (s Situation) fate(application string) (Move, bool) {
	made := s.Item.Applications[application].Current
	if s.Rotation == "" || made.Rotation != s.Rotation || made.Secret != s.Secret {
		return Move{}, false
	}
	if s.Views[application].Current != made.Fingerprint {
		return look(Lost, s.Now.Add(Settling)), true
	}
	return s.adopt(application, Adopt), true
}

// adopt stores PingOne's current secret as the run's version. Drift must be seen under the
// lease: a refusal on its own may be a stale answer.
func (s Situation) adopt(application string, d Decision) Move {
	m := Move{Kind: Store, Decision: d, Application: application, Fingerprint: s.Views[application].Current, Version: s.Rotation}
	if d == Drift && !s.Holds {
		if s.Unreachable {
			return Move{Kind: Stop, Decision: d, Why: RegisterNeeded}
		}
		return Move{Kind: Take, Decision: d}
	}
	return m
}

// regenerate mints, once nothing stands in the way.
func (s Situation) regenerate(application string) Move {
	v := s.Views[application]
	_, since := s.held()
	lagging, until := Lag(v, since, s.Grace)
	switch {
	case lagging:
		return Move{Kind: Stop, Decision: Refuse, Why: Lagging, Until: until}
	case s.StaleCopy != "":
		return Move{Kind: Stop, Decision: Regenerate, Why: CopyKept}
	case s.OtherBehind != "" && application == s.Current.Application:
		return Move{Kind: Stop, Decision: Regenerate, Why: OtherLags}
	case s.Unreachable:
		return Move{Kind: Stop, Decision: Regenerate, Why: RegisterNeeded}
	case s.Off[application]:
		return Move{Kind: Stop, Decision: Regenerate, Why: NotAskable}
	case !s.Done.Proved:
		return Move{Kind: Prove, Decision: Regenerate, Application: application, Fingerprint: v.Current}
	case !s.Done.Applied:
		return Move{Kind: Apply, Decision: Regenerate, Application: application}
	}
	return Move{Kind: Mint, Decision: Regenerate, Application: application, Fingerprint: v.Current, Keep: true}
}

// stored judges the run's version, whose value is final. A version that can never be
// promoted is given up, so that a new rotation can start.
func (s Situation) stored() Move {
	if s.Own.Foreign {
		return stop(Foreign)
	}
	if s.Own.Application == "" { // a copy of AWSCURRENT that holds nothing yet
		return Move{Kind: Done, Decision: Stored}
	}
	if s.Standing() == Undecided {
		return Move{Kind: Ask, Ask: []string{s.Current.Fingerprint, s.view().Current}}
	}
	if s.dying() {
		return s.heal(Dying)
	}
	v, seen := s.Views[s.Own.Application]
	switch {
	case seen && v.Current == s.Own.Fingerprint && !s.Own.Follows:
		return s.giveUp(Edited)
	case seen && v.Current == s.Own.Fingerprint && s.Own.WrongMethod:
		return s.giveUp(MethodChanged)
	case seen && v.Current == s.Own.Fingerprint:
		return Move{Kind: Done, Decision: Stored}
	case s.Answers[s.Own.Fingerprint] == NotAsked:
		return Move{Kind: Ask, Ask: []string{s.Own.Fingerprint}}
	case s.Answers[s.Own.Fingerprint] == Unclear:
		return stop(NotAskable)
	case s.Answers[s.Own.Fingerprint] == Accepted && v.Previous != s.Own.Fingerprint:
		return look(Contradiction, s.Own.Created.Add(Settling))
	case s.Now.Sub(s.Own.Created) < Settling:
		return look(NotCurrent, s.Own.Created.Add(Settling))
	}
	return s.giveUp(Superseded)
}

// giveUp takes the run's label off its version.
func (s Situation) giveUp(why Why) Move {
	label := PendingLabel
	if s.Manual {
		label = ManualLabel
	}
	return Move{Kind: Untag, Decision: Poisoned, Label: label, From: s.Own.ID, Why: why}
}
