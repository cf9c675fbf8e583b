package plan_test

import (
	"slices"
	"testing"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
)

// A person can end a secret early only if no managed secret needs it.
func TestEndPreviousKeepsWhatAnyHolderNeeds(t *testing.T) {
	in := func(change func(*plan.Situation)) plan.Situation {
		return changed(func(s *plan.Situation) {
			s.Goal, s.Rotation, s.Labels.Pending, s.Ends = plan.EndPrevious, "", "", []string{"sp"}
			standings.of("current, previous idle")[0].set(s)
			s.Answers = map[string]plan.Answer{"s0": plan.Accepted}
			change(s)
		})
	}
	used := standings.of("current, previous in use")[0].set
	pending := labels.of("AWSPENDING without a value")[0].set
	tests := []struct {
		name string
		s    plan.Situation
		kind plan.Kind
		why  plan.Why
	}{
		{"idle, within its grace", in(func(*plan.Situation) {}), plan.End, plan.Asked},
		{"another has the lease", in(func(s *plan.Situation) { s.Holds = false }), plan.Take, plan.Asked},
		{"in use", in(used), plan.Stop, plan.Lagging},
		{"in use, and consumers are to be locked out", in(func(s *plan.Situation) { used(s); s.LockOut = true }), plan.End, plan.Asked},
		{"replaced a moment ago, never used", in(func(s *plan.Situation) { s.Current.Since = ago(time.Minute) }), plan.Stop, plan.Lagging},
		{"run out, but for PingOne's clock", in(func(s *plan.Situation) {
			used(s)
			s.Views = with(s.Views, app, plan.View{Current: "s0", Previous: "sp", Expires: now, LastUsed: ago(time.Minute), At: now})
		}), plan.End, plan.Asked},
		{"AWSCURRENT holds it", in(func(s *plan.Situation) { standings.of("previous")[0].set(s); s.Ends = []string{"s0"} }), plan.Stop, plan.Behind},
		{"PingOne has another than the one that was named", in(func(s *plan.Situation) { s.Ends = []string{"sz"} }), plan.Show, plan.NoReason},
		{"it has ended", in(func(s *plan.Situation) { standings.of("current")[0].set(s) }), plan.Show, plan.NoReason},
		{"shown", in(func(s *plan.Situation) { s.Done.Shown = true }), plan.Done, plan.NoReason},
		{"AWSCURRENT was not asked about", in(func(s *plan.Situation) { s.Answers = nil }), plan.Ask, plan.NoReason},
		{"AWSCURRENT is refused", in(func(s *plan.Situation) { s.Answers = map[string]plan.Answer{"s0": plan.Refused} }), plan.Stop, plan.NotAccepted},
		{"the application is disabled", in(func(s *plan.Situation) { s.Off = map[string]bool{app: true} }), plan.Stop, plan.NotAskable},
		{"a replica lags", in(func(s *plan.Situation) { s.ReplicaBehind, s.LockOut = true, true }), plan.Stop, plan.Replicas},
		{"another managed secret lags", in(func(s *plan.Situation) { s.OtherBehind, s.LockOut = sibling, true }), plan.Stop, plan.OtherLags},
		{"a rotation is at work", in(func(s *plan.Situation) { pending(s); s.Changed, s.LockOut = ago(time.Minute), true }), plan.Stop, plan.RotationRunning},
		{"a rotation was refused, and waits: it needs no previous secret", in(func(s *plan.Situation) { pending(s); s.Changed = ago(time.Hour) }), plan.End, plan.Asked},
		{"an emergency is open", in(func(s *plan.Situation) { s.Item.Emergency, s.LockOut = emergency(plan.Swift, 10), true }), plan.Stop, plan.EmergencyOpen},
		{"nothing is stored yet", in(func(s *plan.Situation) { standings.of("empty at first")[0].set(s) }), plan.Stop, plan.NotFilled},
		{"the register is out of reach", in(func(s *plan.Situation) { s.Holds, s.Unreachable = false, true }), plan.Stop, plan.RegisterNeeded},
		{"an act has no outcome yet", in(func(s *plan.Situation) {
			s.Item.Intent = &register.Intent{Act: register.End, Application: app, Before: "sp", Since: ago(time.Second)}
		}), plan.Look, plan.Unresolved},
		{"only a preview", in(func(s *plan.Situation) { s.ReadOnly, s.Holds = true, false }), plan.Done, plan.Asked},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if m := plan.Next(test.s); m.Kind != test.kind || m.Why != test.why {
				t.Errorf("got %s, want %v %v", show(test.s, m), test.kind, test.why)
			}
		})
	}
}

// With two applications, each may keep a previous secret. A refused rotation waits for that
// of the idle one.
func TestEndPreviousIsAboutBothApplications(t *testing.T) {
	s := changed(func(s *plan.Situation) {
		s.Alternates, s.Twin = true, twin
		s.Goal, s.Rotation, s.Labels.Pending, s.Ends, s.LockOut = plan.EndPrevious, "", "", []string{"sp", "tp"}, true
		standings.of("current, previous idle")[0].set(s)
		twins.of("in use")[0].set(s)
		s.Answers = map[string]plan.Answer{"s0": plan.Accepted}
	})
	if m := plan.Next(s); m.Kind != plan.End || m.Application != app || m.Fingerprint != "sp" {
		t.Fatalf("got %s", show(s, m))
	}
	s.Views = with(s.Views, app, plan.View{Current: "s0", At: now})
	if m := plan.Next(s); m.Kind != plan.End || m.Application != twin || m.Fingerprint != "tp" {
		t.Fatalf("got %s", show(s, m))
	}
	s.LockOut = false
	if m := plan.Next(s); m.Kind != plan.Stop || m.Why != plan.Lagging {
		t.Fatalf("got %s", show(s, m))
	}
}

// endsWhatIsNamed is a rule for every move: a secret ends early only if a person has named
// it, no managed secret needs it, and consumers do not either, unless they are to be locked
// out.
func endsWhatIsNamed(s plan.Situation, m plan.Move) string {
	v := s.Views[m.Application]
	since := s.Current.Since
	if m.Application != s.Current.Application {
		since = time.Time{}
		if len(s.Others) > 0 && s.Others[0].ID == s.Labels.Previous && s.Others[0].Application == m.Application {
			since = s.Others[0].Created
		}
	}
	switch {
	case !slices.Contains(s.Ends, m.Fingerprint):
		return "ended a secret that was not named"
	case m.Application != s.Current.Application && m.Application != s.Twin:
		return "ended the secret of another client"
	case s.Answers[s.Current.Fingerprint] != plan.Accepted:
		return "AWSCURRENT was not seen to obtain a token"
	case s.ReplicaBehind || s.OtherBehind != "" && m.Application == s.Current.Application:
		return "ended a secret that consumers elsewhere still hold"
	case !s.LockOut && (v.LastUsed.After(ago(plan.IdleAfter)) || since.After(ago(plan.IdleAfter))):
		return "ended a secret in use"
	case s.Off[s.Current.Application] || s.Done.Shown:
		return "ended a secret without need, or where nothing can be shown"
	case s.Changed.After(ago(plan.Quiet)) && slices.ContainsFunc(s.Others, func(v plan.Version) bool { return v.ID == s.Labels.Pending && v.ID != s.Labels.Previous }):
		return "ended a secret while a rotation is at work"
	}
	return ""
}
