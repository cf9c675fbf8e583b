package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
)

// A model is the simplest world in which moves have effects: reads are true, PingOne
// accepts what it shows, and nothing else acts. From each situation, however it arose, the
// plan must reach its goal, or say why it stops, within a bound.
type model struct {
	plan.Situation
	serial  int // of secrets and versions that it has made
	mints   int
	ended   int
	trace   []string
	outer   plan.Goal // what to continue once the emergency is complete
	waiting map[plan.Why]int
}

// bound is more moves than a plan ever needs.
const bound = 60

func TestThePlanEndsFromEachSituation(t *testing.T) {
	forEach(t, 12_000, func(s plan.Situation) string {
		w := &model{Situation: s, outer: s.Goal, waiting: map[plan.Why]int{}}
		m := w.run()
		switch {
		case m.Kind != plan.Done && m.Kind != plan.Stop:
			return "does not end:\n  " + strings.Join(w.trace, "\n  ")
		case w.mints > 1 && ordinary(s) && s.Item.Emergency == nil:
			return fmt.Sprintf("%d mints:\n  %s", w.mints, strings.Join(w.trace, "\n  "))
		}
		return w.wrong(m)
	})
}

// run applies moves until the plan is done or stops.
func (w *model) run() (m plan.Move) {
	for range bound {
		m = plan.Next(w.Situation)
		w.trace = append(w.trace, show(w.Situation, m))
		switch {
		case m.Kind == plan.Done && w.Goal == plan.Emergency && w.outer != plan.Emergency:
			w.Goal, w.Done = w.outer, plan.Progress{} // and continue with its own goal
			continue
		case m.Kind == plan.Done || m.Kind == plan.Stop:
			return m
		}
		if halts := w.apply(m); halts {
			return plan.Move{Kind: plan.Stop, Why: m.Why}
		}
	}
	return m
}

// wrong returns what the end of a run lacks.
func (w *model) wrong(m plan.Move) string {
	if m.Kind != plan.Done || w.ReadOnly || w.Unreachable || w.Current.Application == "" {
		return ""
	}
	v := w.Views[w.Current.Application]
	switch {
	case w.Goal == plan.Finish && w.Labels.Current != w.Rotation:
		return "finished, and AWSCURRENT is elsewhere:\n  " + strings.Join(w.trace, "\n  ")
	case w.Goal == plan.Finish && w.Manual && w.Labels.Manual == w.Rotation:
		return "finished, and the action's label is left:\n  " + strings.Join(w.trace, "\n  ")
	case w.Goal == plan.Follow && w.Current.Fingerprint != v.Current:
		return "followed, and AWSCURRENT does not hold PingOne's secret:\n  " + strings.Join(w.trace, "\n  ")
	case w.Goal == plan.Emergency && (w.Item.Emergency != nil || w.Current.Fingerprint != v.Current && w.Item.Ended != nil):
		return "the emergency is not over:\n  " + strings.Join(w.trace, "\n  ")
	case w.Goal == plan.EndPrevious && w.outer == plan.EndPrevious && !w.Done.Shown:
		return "nothing was shown to be dead:\n  " + strings.Join(w.trace, "\n  ")
	case w.Goal == plan.EndPrevious && w.ended > 0 && v.Previous != "" && slices.Contains(w.Ends, v.Previous):
		return "ended one, and left one that was named:\n  " + strings.Join(w.trace, "\n  ")
	case w.Goal == plan.Audit && w.Current.Fingerprint != "" && !v.Accepts(w.Current.Fingerprint) && w.Answers[w.Current.Fingerprint] == plan.Refused && !w.Off[w.Current.Application] && m.Why == plan.NoReason:
		return "audited, and AWSCURRENT is dead:\n  " + strings.Join(w.trace, "\n  ")
	}
	return ""
}

// apply gives a move its effect. It reports whether a run would stop waiting.
func (w *model) apply(m plan.Move) (halts bool) {
	switch m.Kind {
	case plan.Look:
		if w.waiting[m.Why]++; w.waiting[m.Why] > 3 {
			return true
		}
		d := max(m.Until.Sub(w.Now), 50*time.Second)
		w.Now = w.Now.Add(d)
		w.look()
	case plan.Ask:
		w.ask(m.Ask)
	case plan.Take:
		w.Item.Lease = register.Lease{}
		w.Holds, w.MaySend = true, true
		w.look()
	case plan.Settle:
		if !m.Happened {
			w.Item = w.Item.Forget()
			break
		}
		if w.Item.Intent.Act == register.Mint {
			w.Item = w.Item.Minted(m.Application, m.Fingerprint, w.Now)
		} else {
			in := w.Item.Intent
			w.Item = w.Item.Promoted(in.Secret, in.From, in.To, in.Fingerprint, w.Now).Seen(in.Application, in.Fingerprint)
		}
		w.Item = w.Item.Forget()
	case plan.Provision:
		if w.Current.Application == "" {
			w.Current.Application = app
			w.Views = with(w.Views, app, plan.View{Current: w.make("made"), At: w.Now})
			break
		}
		w.Twin = twin
		w.Views = with(w.Views, twin, plan.View{Current: w.make("made"), At: w.Now})
	case plan.Prove:
		w.Done.Proved = true
	case plan.Apply:
		w.Done.Applied = true
	case plan.Verify:
		w.Done.Verified = true
	case plan.Serve:
		w.Done.Served, w.OtherBehind, w.ReplicaBehind = true, "", false
	case plan.Show:
		w.Done.Shown = true
	case plan.Mint:
		w.mints++
		w.Done.Served = false
		v := w.Views[m.Application]
		in := register.Intent{Act: register.Mint, Application: m.Application, Secret: w.Secret, Rotation: w.Rotation, Before: v.Current}
		w.Item = w.Item.Announce(in, 20, w.Now)
		next := plan.View{Current: w.make("minted"), At: w.Now}
		if m.Keep {
			next.Previous, next.Expires = v.Current, w.Now.Add(plan.Fuse(w.Grace))
		}
		w.Views = with(w.Views, m.Application, next)
		w.Item = w.Item.Minted(m.Application, next.Current, w.Now)
	case plan.Store:
		w.ask(m.Ask)
		v := plan.Version{ID: m.Version, Stored: true, Application: m.Application, Fingerprint: m.Fingerprint, Created: w.Now, Follows: true}
		if m.Label != "" {
			v.ID = w.make("healed")
			w.Labels.Healed = v.ID
			w.Others = append(slices.Clone(w.Others), v)
		} else {
			w.Own = v
		}
	case plan.Promote:
		to, _ := find(w.Situation, m.To)
		old := w.Current
		w.Others = slices.DeleteFunc(slices.Clone(w.Others), func(v plan.Version) bool { return v.ID == to.ID })
		w.Others = append(w.Others, old)
		to.Since = w.Now
		w.Current = to
		w.Labels.Current, w.Labels.Previous = to.ID, old.ID
		w.Changed = w.Now
		w.Item = w.Item.Promoted(w.Secret, m.From, m.To, m.Fingerprint, w.Now).Seen(m.Application, m.Fingerprint)
		if w.Alternates && to.Application == w.Twin {
			w.Twin = old.Application
		}
	case plan.End:
		w.ended++
		v := w.Views[m.Application]
		v.Previous = ""
		w.Views = with(w.Views, m.Application, v)
	case plan.Untag:
		for _, l := range []*string{&w.Labels.Pending, &w.Labels.Manual, &w.Labels.Healed} {
			if *l == m.From && (m.Label == plan.PendingLabel && l == &w.Labels.Pending || m.Label == plan.ManualLabel && l == &w.Labels.Manual || m.Label == plan.HealLabel && l == &w.Labels.Healed) {
				*l = ""
			}
		}
		return m.Decision == plan.Poisoned // the rotation is over
	case plan.Complete:
		w.Goal = plan.Emergency
		w.Done = plan.Progress{}
	case plan.Close:
		w.Item = w.Item.Over(w.Now)
	}
	return false
}

func (w *model) make(what string) string {
	w.serial++
	return fmt.Sprint(what, w.serial)
}

// ask shows secrets to PingOne.
func (w *model) ask(fingerprints []string) {
	answers := maps.Clone(w.Answers)
	if answers == nil {
		answers = map[string]plan.Answer{}
	}
	for _, f := range fingerprints {
		answers[f] = w.truth(f)
	}
	w.Answers = answers
}

// truth is what PingOne says to a secret.
func (w *model) truth(f string) plan.Answer {
	if w.Off[w.Current.Application] {
		return plan.Unclear
	}
	for _, v := range w.Views {
		if v.Accepts(f) {
			return plan.Accepted
		}
	}
	return plan.Refused
}

// look reads again: a stale view becomes the newest that the register knows, and an
// announced act has not happened.
func (w *model) look() {
	for id, v := range w.Views {
		if w.Item.Superseded(id, v.Current) {
			v.Previous, v.Expires = v.Current, w.Now.Add(40*time.Hour)
			v.Current = w.Item.Applications[id].Current.Fingerprint
		}
		v.At = w.Now
		w.Views = with(w.Views, id, v)
	}
	w.Answers = map[string]plan.Answer{}
}

// A check decides what a rotation would, begun in the same situation.
func TestCheckForetellsTheDecision(t *testing.T) {
	forEach(t, 12_000, func(s plan.Situation) string {
		if !s.ReadOnly || s.Goal != plan.Create || s.Item.Emergency != nil {
			return ""
		}
		if plan.Next(s).Why == plan.Dying {
			return "" // the check says that AWSCURRENT moves first
		}
		told, _, waited := decided(s)
		step := s
		step.ReadOnly, step.Labels.Pending = false, rotation
		done, trace, waitedToo := decided(step)
		if told != done && !waited && !waitedToo {
			return fmt.Sprintf("the check says %q, the rotation decides %q:\n  %s", told, done, strings.Join(trace, "\n  "))
		}
		return ""
	})
}

// decided returns the first decision of a run.
func decided(s plan.Situation) (d plan.Decision, trace []string, waited bool) {
	w := &model{Situation: s, outer: s.Goal, waiting: map[plan.Why]int{}}
	for range bound {
		m := plan.Next(w.Situation)
		w.trace = append(w.trace, show(w.Situation, m))
		waited = waited || m.Kind == plan.Look || m.Why == plan.Dying // either concerns the state now
		if m.Decision != "" || m.Kind == plan.Done || m.Kind == plan.Stop || w.apply(m) {
			return m.Decision, w.trace, waited
		}
	}
	return "", w.trace, waited
}
