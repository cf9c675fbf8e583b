package plan_test

import (
	"testing"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
)

// settled is a situation of createSecret in which nothing stands against a mint.
func settled() plan.Situation {
	s := plan.Situation{Now: now, Secret: arn, Grace: grace, Changed: ago(time.Hour), Holds: true, MaySend: true,
		Done: plan.Progress{Proved: true, Applied: true}, Answers: map[string]plan.Answer{}}
	goals.of("createSecret")[0].set(&s)
	standings.of("current")[0].set(&s)
	return s
}

func changed(change func(*plan.Situation)) plan.Situation {
	s := settled()
	change(&s)
	return s
}

func alternating(change func(*plan.Situation)) plan.Situation {
	return changed(func(s *plan.Situation) {
		s.Alternates, s.Twin = true, twin
		standings.of("current")[0].set(s)
		if change != nil {
			change(s)
		}
	})
}

// mintedAndEdited has a twin that was regenerated at the given time, and an AWSCURRENT that
// moved two hours ago and has been edited since: no label is on a version of the twin.
func mintedAndEdited(at time.Time) plan.Situation {
	return alternating(func(s *plan.Situation) {
		twins.of("minted already")[0].set(s)
		s.Others[0].Application, s.Others[0].Fingerprint = app, "s0"
		s.Item.Applications = map[string]register.Application{twin: {Current: register.Minted{Fingerprint: "t1", At: at, Secret: arn, Rotation: "another"}}}
		s.Item.Secrets = map[string]register.Secret{arn: {Version: before, Fingerprint: "s0", Left: other, Since: ago(2 * time.Hour)}}
	})
}

// An audit finishes what nothing else will, and leaves a run that is at work alone.
func TestAudit(t *testing.T) {
	behind := func(change func(*plan.Situation)) plan.Situation {
		return changed(func(s *plan.Situation) {
			s.Goal, s.Rotation, s.Labels.Pending = plan.Audit, "", ""
			s.Views = with(s.Views, app, plan.View{Current: "s1", Previous: "s0", Expires: now.Add(47 * time.Hour), At: now})
			s.Answers = map[string]plan.Answer{"s0": plan.Accepted, "s1": plan.Accepted}
			change(s)
		})
	}
	soon := func(s *plan.Situation) {
		s.Views = in(s.Views, app, func(v plan.View) plan.View { v.Expires = now.Add(time.Hour); return v })
	}
	pending := func(name string) func(*plan.Situation) {
		return func(s *plan.Situation) {
			s.Views = with(s.Views, app, plan.View{Current: "s0", At: now})
			labels.of(name)[0].set(s)
		}
	}
	tests := []struct {
		name string
		s    plan.Situation
		kind plan.Kind
	}{
		{"AWSCURRENT is previous, and nothing repeats the run that left it: heal", behind(func(*plan.Situation) {}), plan.Store},
		{"a version with PingOne's secret is there: promote that one", behind(labels.of("PINGROTATE on the shown one")[0].set), plan.Promote},
		{"Secrets Manager repeats the rotation: leave it alone", behind(labels.of("AWSPENDING on the shown one")[0].set), plan.Done},
		{"the run may still be at work: leave it alone", behind(func(s *plan.Situation) { s.Changed = ago(plan.Quiet - 1) }), plan.Done},
		{"another has the lease: leave it alone", behind(func(s *plan.Situation) {
			s.Holds, s.Item.Lease = false, register.Lease{Holder: "another", Until: now.Add(time.Second)}
		}), plan.Done},
		{"another died with the lease, which has run out: heal, and take it first", behind(func(s *plan.Situation) {
			s.Holds, s.Item.Lease = false, register.Lease{Holder: "another", Until: ago(register.Skew)}
		}), plan.Take},
		{"AWSCURRENT is about to end, and a rotation is stuck: promote", behind(func(s *plan.Situation) {
			labels.of("AWSPENDING on the shown one")[0].set(s)
			soon(s)
		}), plan.Promote},
		{"it is about to end, and the application is disabled: promote by PingOne's view alone", behind(func(s *plan.Situation) {
			soon(s)
			s.Off = map[string]bool{app: true}
			s.Answers = map[string]plan.Answer{"s0": plan.Unclear, "s1": plan.Unclear}
		}), plan.Store},
		{"it is about to end, and the register is out of reach: promote all the same", behind(func(s *plan.Situation) {
			labels.of("PINGROTATE on the shown one")[0].set(s)
			soon(s)
			s.Holds, s.Unreachable = false, true
		}), plan.Promote},
		{"AWSPENDING stays on AWSCURRENT when that is healed: take it off first", behind(func(s *plan.Situation) {
			soon(s)
			labels.of("PINGROTATE on the shown one")[0].set(s)
			s.Labels.Pending = s.Current.ID
		}), plan.Untag},
		{"AWSPENDING on a version that can never be promoted: take it off", behind(pending("AWSPENDING on one that is not shown")), plan.Untag},
		{"AWSPENDING on what AWSCURRENT holds already: take it off", behind(pending("AWSPENDING on the shown one")), plan.Untag},
		{"AWSPENDING on a twin's mint older than a day: take it off", changed(func(s *plan.Situation) {
			s.Alternates, s.Twin = true, twin
			standings.of("current")[0].set(s)
			s.Goal, s.Rotation, s.Labels.Pending = plan.Audit, "", ""
			labels.of("AWSPENDING for two days")[0].set(s)
		}), plan.Untag},
		{"an idle previous secret, and a replica lags: leave it alone", behind(func(s *plan.Situation) {
			standings.of("current, previous idle past its grace")[0].set(s)
			s.ReplicaBehind = true
		}), plan.Done},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if m := plan.Next(test.s); m.Kind != test.kind {
				t.Errorf("got %s, want %v", show(test.s, m), test.kind)
			}
		})
	}
}

// The rows of the table in docs/design.md by which createSecret decides.
func TestCreateSecret(t *testing.T) {
	previous := plan.View{Current: "s0", Previous: "sp", Expires: now.Add(40 * time.Hour), At: now}
	busy := previous
	busy.LastUsed = ago(time.Minute)
	tests := []struct {
		name string
		s    plan.Situation
		kind plan.Kind
		is   plan.Decision
	}{
		{"AWSCURRENT is PingOne's secret, without a previous one: regenerate", settled(), plan.Mint, plan.Regenerate},
		{"the previous one is idle: regenerate", changed(func(s *plan.Situation) { s.Views = with(s.Views, app, previous) }), plan.Mint, plan.Regenerate},
		{"the previous one is in use past its grace: regenerate", changed(func(s *plan.Situation) {
			s.Views, s.Current.Since = with(s.Views, app, busy), ago(grace)
		}), plan.Mint, plan.Regenerate},
		{"the previous one is in use within its grace: refuse", changed(func(s *plan.Situation) { s.Views = with(s.Views, app, busy) }), plan.Stop, plan.Refuse},
		{"AWSCURRENT is PingOne's previous secret: adopt", changed(func(s *plan.Situation) {
			s.Views = with(s.Views, app, plan.View{Current: "s1", Previous: "s0", Expires: now.Add(40 * time.Hour), At: now})
		}), plan.Store, plan.Adopt},
		{"AWSCURRENT is neither and refused, PingOne's is accepted: drift", changed(func(s *plan.Situation) {
			s.Views = with(s.Views, app, plan.View{Current: "s1", At: now})
			s.Answers = map[string]plan.Answer{"s0": plan.Refused, "s1": plan.Accepted}
		}), plan.Store, plan.Drift},
		{"AWSCURRENT is neither and accepted: stale, look again", changed(func(s *plan.Situation) {
			s.Views = with(s.Views, app, plan.View{Current: "s1", At: now})
			s.Answers = map[string]plan.Answer{"s0": plan.Accepted, "s1": plan.Accepted}
		}), plan.Look, ""},
		{"the register has known for half an hour that PingOne's secret was replaced: stale, look again", changed(superseded(30 * time.Minute)), plan.Look, ""},
		{"and for an hour: the register is wrong", changed(superseded(time.Hour)), plan.Mint, plan.Regenerate},
		{"AWSCURRENT is empty at first: seed", changed(func(s *plan.Situation) { s.Current.Fingerprint = "" }), plan.Store, plan.Seed},
		{"AWSCURRENT is empty, AWSPREVIOUS is not: drift", changed(standings.of("emptied")[0].set), plan.Store, plan.Drift},
		{"AWSCURRENT is empty, and so is AWSPREVIOUS, but consumers were given a secret: drift", changed(standings.of("emptied twice")[0].set), plan.Store, plan.Drift},
		{"there is no application yet: provision", changed(standings.of("no application")[0].set), plan.Provision, plan.Seed},
		{"the run's version holds PingOne's secret: nothing to do", changed(owns.of("shown")[0].set), plan.Done, plan.Stored},
		{"the run's version is of before an edit of AWSCURRENT: poisoned", changed(owns.of("shown, edited")[0].set), plan.Untag, plan.Poisoned},
		{"the run's version has another method than the application by now: poisoned", changed(owns.of("shown, other method")[0].set), plan.Untag, plan.Poisoned},
		{"the run's version is refused, settled, and not PingOne's: poisoned", changed(func(s *plan.Situation) { owns.of("not shown, refused")[0].set(s) }), plan.Untag, plan.Poisoned},
		{"the run's version is refused, and stored a moment ago: look again", changed(func(s *plan.Situation) {
			owns.of("not shown, refused, stored a moment ago")[0].set(s)
		}), plan.Look, ""},
		{"alternating, the twin is idle: regenerate its secret", alternating(nil), plan.Mint, plan.Regenerate},
		{"alternating, the twin's secret is newer than the version that holds it: adopt", alternating(func(s *plan.Situation) { twins.of("minted already")[0].set(s) }), plan.Store, plan.Adopt},
		{"alternating, AWSCURRENT was edited after the twin's mint, which was not promoted: adopt", mintedAndEdited(ago(time.Hour)), plan.Store, plan.Adopt},
		{"alternating, AWSCURRENT was edited after the twin's mint was promoted and left again: regenerate", mintedAndEdited(ago(3 * time.Hour)), plan.Mint, plan.Regenerate},
		{"alternating, there is no twin: prove the path first", changed(func(s *plan.Situation) { s.Alternates, s.Done = true, plan.Progress{} }), plan.Prove, plan.Seed},
		{"alternating, there is no twin, and the path is proved: provision", changed(func(s *plan.Situation) { s.Alternates = true }), plan.Provision, plan.Seed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := plan.Next(test.s)
			if m.Kind != test.kind || m.Decision != test.is {
				t.Errorf("got %s, want %v (%s)", show(test.s, m), test.kind, test.is)
			}
		})
	}
}

// A wait ends exactly on time.
func TestThresholds(t *testing.T) {
	const instant = time.Nanosecond
	dying := func(left time.Duration) plan.Situation {
		return changed(func(s *plan.Situation) {
			s.Goal, s.Rotation, s.Labels.Pending = plan.Audit, "", other // a rotation waits
			s.Answers = map[string]plan.Answer{"s0": plan.Accepted, "s1": plan.Accepted}
			s.Views = with(s.Views, app, plan.View{Current: "s1", Previous: "s0", Expires: now.Add(left), At: now})
		})
	}
	idle := func(used, since, changedAgo time.Duration) plan.Situation {
		return changed(func(s *plan.Situation) {
			s.Goal, s.Rotation, s.Labels.Pending = plan.Audit, "", ""
			s.Current.Since, s.Changed = ago(since), ago(changedAgo)
			s.Views = with(s.Views, app, plan.View{Current: "s0", Previous: "sp", Expires: now.Add(time.Hour), LastUsed: ago(used), At: now})
		})
	}
	lease := func(set func(*plan.Situation)) plan.Situation { return changed(set) }
	tests := []struct {
		name string
		s    plan.Situation
		kind plan.Kind
	}{
		{"promoted when 26 h of a fuse of 48 h are left", dying(26*time.Hour - instant), plan.Store},
		{"and not before", dying(26 * time.Hour), plan.Done},
		{"an idle previous secret ends past its grace", idle(2*time.Hour, grace, time.Hour), plan.End},
		{"not within its grace", idle(2*time.Hour, grace-instant, time.Hour), plan.Done},
		{"not in use", idle(2*time.Hour-instant, grace, time.Hour), plan.Done},
		{"an intent is waited for", lease(func(s *plan.Situation) {
			intent(register.ResolveTime-instant, func(*plan.Situation, *register.Intent) {})(s)
		}), plan.Look},
		{"and then has not happened", lease(func(s *plan.Situation) { intent(register.ResolveTime, func(*plan.Situation, *register.Intent) {})(s) }), plan.Settle},
		{"a lost item is waited for", lease(func(s *plan.Situation) { s.Item.Unknown = ago(register.ResolveTime - instant) }), plan.Look},
		{"and then no more", lease(func(s *plan.Situation) { s.Item.Unknown = ago(register.ResolveTime) }), plan.Mint},
		{"drift waits for what was stored a moment ago", lease(func(s *plan.Situation) {
			standings.of("neither")[0].set(s)
			s.Answers = map[string]plan.Answer{"s0": plan.Refused, "s1": plan.Accepted}
			s.Current.Created = ago(register.ReadLag - instant)
		}), plan.Look},
		{"and then no more", lease(func(s *plan.Situation) {
			standings.of("neither")[0].set(s)
			s.Answers = map[string]plan.Answer{"s0": plan.Refused, "s1": plan.Accepted}
			s.Current.Created = ago(register.ReadLag)
		}), plan.Store},
		{"an AWSCURRENT that has moved counts against a look for a while", lease(func(s *plan.Situation) {
			s.Item.Secrets = map[string]register.Secret{arn: {Version: "elsewhere", Left: atFirst, Since: ago(register.ReadLag - instant)}}
		}), plan.Look},
		{"later the look is right", lease(func(s *plan.Situation) {
			s.Item.Secrets = map[string]register.Secret{arn: {Version: "elsewhere", Left: atFirst, Since: ago(register.ReadLag)}}
		}), plan.Mint},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if m := plan.Next(test.s); m.Kind != test.kind {
				t.Errorf("got %s, want %v", show(test.s, m), test.kind)
			}
		})
	}
}

func TestFuse(t *testing.T) {
	for grace, want := range map[time.Duration]time.Duration{
		0: 48 * time.Hour, 24 * time.Hour: 48 * time.Hour, 25 * time.Hour: 49 * time.Hour, 168 * time.Hour: 192 * time.Hour, plan.MaxGrace: 719 * time.Hour, 800 * time.Hour: 719 * time.Hour,
	} {
		if got := plan.Fuse(grace); got != want {
			t.Errorf("grace %v: got a fuse of %v, want %v", grace, got, want)
		}
	}
}

func TestLagEndsWithTheGraceTheUseOrTheSecret(t *testing.T) {
	v := plan.View{Current: "s1", Previous: "s0", Expires: now.Add(40 * time.Hour), At: now}
	tests := []struct {
		name   string
		used   time.Duration // ago; 0 for never
		since  time.Duration // ago
		left   time.Duration // until it expires
		lags   bool
		reason time.Duration // from now until it does not
	}{
		{"just replaced", 0, time.Minute, 40 * time.Hour, true, 119 * time.Minute},
		{"in use", time.Minute, 3 * time.Hour, 40 * time.Hour, true, 119 * time.Minute},
		{"in use, the grace ends first", time.Minute, 23 * time.Hour, 40 * time.Hour, true, time.Hour},
		{"in use, the secret ends first", time.Minute, 3 * time.Hour, time.Hour, true, time.Hour},
		{"idle", 2 * time.Hour, 3 * time.Hour, 40 * time.Hour, false, 0},
		{"past its grace", time.Minute, 24 * time.Hour, 40 * time.Hour, false, 0},
		{"expired", time.Minute, 3 * time.Hour, 0, false, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := v
			v.Expires = now.Add(test.left)
			if test.used > 0 {
				v.LastUsed = ago(test.used)
			}
			lags, until := plan.Lag(v, ago(test.since), grace)
			if lags != test.lags || lags && until != now.Add(test.reason) {
				t.Errorf("got %t until %v, want %t until %v", lags, until, test.lags, now.Add(test.reason))
			}
		})
	}
}

func TestKindsAndReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := plan.Done; k <= plan.Stop; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d is called %q", int(k), name)
		} else {
			seen[name] = true
		}
	}
	for w := plan.NoReason + 1; w <= plan.Asked; w++ {
		if name := w.String(); name == "" || seen["why "+name] {
			t.Errorf("reason %d is called %q", int(w), name)
		} else {
			seen["why "+name] = true
		}
	}
	if plan.Kind(99).String() != "kind 99" || plan.Why(99).String() != "reason 99" {
		t.Error("an unknown kind or reason has no name")
	}
}

// superseded has the register take what PingOne shows for replaced, for so long.
func superseded(d time.Duration) func(*plan.Situation) {
	return known(app, func(s *plan.Situation, a *register.Application) {
		a.Current, a.Replaced = register.Minted{Fingerprint: "sn", At: ago(d), Announced: 5}, []string{s.Views[app].Current}
	})
}
