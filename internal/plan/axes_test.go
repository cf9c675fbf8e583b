package plan_test

import (
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
)

func goal(name string, g plan.Goal, set func(*plan.Situation)) value {
	return value{name, func(s *plan.Situation) {
		s.Goal = g
		if set != nil {
			set(s)
		}
	}}
}

func step(s *plan.Situation) { s.Rotation, s.Labels.Pending = rotation, rotation }

func manual(s *plan.Situation) { s.Rotation, s.Manual = rotation, true }

var goals = axis{
	goal("createSecret", plan.Create, step),
	goal("manual create", plan.Create, manual),
	goal("check", plan.Create, func(s *plan.Situation) { s.Rotation, s.ReadOnly = rotation, true }),
	goal("finishSecret", plan.Finish, step),
	goal("manual finish", plan.Finish, func(s *plan.Situation) { manual(s); s.Labels.Manual = rotation }),
	goal("audit", plan.Audit, nil),
	goal("read-only audit", plan.Audit, func(s *plan.Situation) { s.ReadOnly = true }),
	goal("emergency", plan.Emergency, nil),
	goal("rollback", plan.Rollback, func(s *plan.Situation) { s.Rotation = before }),
	goal("follow", plan.Follow, nil),
	goal("end previous", plan.EndPrevious, named),
	goal("end previous, lock out", plan.EndPrevious, func(s *plan.Situation) { named(s); s.LockOut = true }),
	goal("end previous of another", plan.EndPrevious, func(s *plan.Situation) { s.Ends, s.LockOut = []string{"sz"}, true }),
	goal("end previous, preview", plan.EndPrevious, func(s *plan.Situation) { named(s); s.ReadOnly = true }),
}

// named names each secret that may be a previous one.
func named(s *plan.Situation) { s.Ends = []string{"sp", "s0", "tp", "t0"} }

var strategies = axis{
	{"single", func(*plan.Situation) {}},
	{"alternating", func(s *plan.Situation) { s.Alternates, s.Twin = true, twin }},
	{"alternating without a twin", func(s *plan.Situation) { s.Alternates = true }},
}

// standing returns a way in which AWSCURRENT's secret "s0" can stand in PingOne.
func standing(name string, v plan.View, set func(*plan.Situation)) value {
	return value{name, func(s *plan.Situation) {
		s.Labels.Current = atFirst
		s.Current = plan.Version{ID: atFirst, Stored: true, Application: app, Fingerprint: "s0", Created: ago(48 * time.Hour), Since: ago(3 * time.Hour), Follows: true}
		v := v // families run in parallel
		v.At = now
		s.Views = with(s.Views, app, v)
		if s.Twin != "" {
			s.Views = with(s.Views, twin, plan.View{Current: "t0", At: now})
			s.Labels.Previous = before
			s.Others = []plan.Version{{ID: before, Stored: true, Application: twin, Fingerprint: "t0", Created: ago(72 * time.Hour), Follows: true}}
		}
		if set != nil {
			set(s)
		}
	}}
}

var standings = axis{
	standing("current", plan.View{Current: "s0"}, nil),
	standing("current, previous in use", plan.View{Current: "s0", Previous: "sp", Expires: now.Add(40 * time.Hour), LastUsed: ago(time.Minute)}, nil),
	standing("current, previous idle", plan.View{Current: "s0", Previous: "sp", Expires: now.Add(40 * time.Hour), LastUsed: ago(150 * time.Minute)}, nil),
	standing("current, previous idle past its grace", plan.View{Current: "s0", Previous: "sp", Expires: now.Add(10 * time.Hour), LastUsed: ago(20 * time.Hour)},
		func(s *plan.Situation) { s.Current.Since = ago(25 * time.Hour) }),
	standing("current, previous in use past its grace", plan.View{Current: "s0", Previous: "sp", Expires: now.Add(10 * time.Hour), LastUsed: ago(time.Minute)},
		func(s *plan.Situation) { s.Current.Since = ago(25 * time.Hour) }),
	standing("previous", plan.View{Current: "s1", Previous: "s0", Expires: now.Add(47 * time.Hour), LastUsed: ago(time.Minute)}, nil),
	standing("previous, idle", plan.View{Current: "s1", Previous: "s0", Expires: now.Add(40 * time.Hour)},
		func(s *plan.Situation) { s.Current.Since = ago(25 * time.Hour) }),
	standing("previous, about to end", plan.View{Current: "s1", Previous: "s0", Expires: now.Add(25 * time.Hour), LastUsed: ago(time.Minute)}, nil),
	standing("neither", plan.View{Current: "s1"}, nil),
	standing("neither, stored a moment ago", plan.View{Current: "s1"}, func(s *plan.Situation) { s.Current.Created = ago(5 * time.Second) }),
	standing("empty at first", plan.View{Current: "s0"}, func(s *plan.Situation) { s.Current.Fingerprint = "" }),
	standing("emptied", plan.View{Current: "s1"}, func(s *plan.Situation) {
		s.Current.Fingerprint = ""
		s.Labels.Previous = before
		s.Others = []plan.Version{{ID: before, Stored: true, Application: app, Fingerprint: "s1", Created: ago(72 * time.Hour)}}
	}),
	standing("emptied twice", plan.View{Current: "s1"}, func(s *plan.Situation) {
		s.Current.Fingerprint = ""
		s.Item.Secrets = map[string]register.Secret{arn: {Version: before, Fingerprint: "s1", Since: ago(72 * time.Hour)}}
	}),
	standing("no application", plan.View{}, func(s *plan.Situation) { s.Current.Application, s.Current.Fingerprint, s.Views = "", "", nil }),
}

var twins = axis{
	{"idle", func(*plan.Situation) {}},
	{"in use", func(s *plan.Situation) {
		if s.Twin == "" {
			return
		}
		s.Views = with(s.Views, twin, plan.View{Current: "t0", Previous: "tp", Expires: now.Add(40 * time.Hour), LastUsed: ago(time.Minute), At: now})
		if len(s.Others) > 0 && s.Others[0].Application == twin {
			s.Others = []plan.Version{s.Others[0]}
			s.Others[0].Created = ago(3 * time.Hour)
		}
	}},
	{"minted already", func(s *plan.Situation) {
		if s.Twin != "" {
			s.Views = with(s.Views, twin, plan.View{Current: "t1", Previous: "t0", Expires: now.Add(40 * time.Hour), At: now})
		}
	}},
}

// answers are what PingOne says to AWSCURRENT's secret and to the one that it shows as
// current.
var answers = func() (all axis) {
	names := []string{"not asked", "accepted", "refused", "unclear"}
	for own := plan.NotAsked; own <= plan.Unclear; own++ {
		for shown := plan.NotAsked; shown <= plan.Unclear; shown++ {
			all = append(all, value{names[own] + ", shown one " + names[shown], func(s *plan.Situation) {
				a := map[string]plan.Answer{}
				if s.Current.Fingerprint != "" && own != plan.NotAsked {
					a[s.Current.Fingerprint] = own
				}
				if c := s.Views[s.Current.Application].Current; c != "" && (c != s.Current.Fingerprint) && shown != plan.NotAsked {
					a[c] = shown
				}
				if s.Twin != "" && shown != plan.NotAsked {
					a["t0"], a["t1"] = shown, shown
				}
				s.Answers = a
			}})
		}
	}
	return all
}()

// subject is the application whose secret the run's version holds.
func subject(s *plan.Situation) string {
	if s.Alternates && s.Twin != "" {
		return twin
	}
	return s.Current.Application
}

func own(name string, answer plan.Answer, change func(s *plan.Situation, v *plan.Version)) value {
	return value{name, func(s *plan.Situation) {
		id := subject(s)
		v := plan.Version{ID: rotation, Stored: true, Application: id, Fingerprint: s.Views[id].Current, Created: ago(time.Hour), Follows: true}
		if change != nil {
			change(s, &v)
		}
		if v.Application != "" && v.Fingerprint == "" {
			v.Fingerprint = "sx" // a rotation stores no application without its secret
		}
		s.Own = v
		if s.Rotation == rotation && answer != plan.NotAsked {
			s.Answers = with(s.Answers, v.Fingerprint, answer)
		}
	}}
}

func late(_ *plan.Situation, v *plan.Version) { v.Fingerprint = "sx" }

var owns = axis{
	{"not stored", func(*plan.Situation) {}},
	own("shown", plan.NotAsked, nil),
	own("shown, edited", plan.NotAsked, func(_ *plan.Situation, v *plan.Version) { v.Follows = false }),
	own("shown, other method", plan.NotAsked, func(_ *plan.Situation, v *plan.Version) { v.WrongMethod = true }),
	own("not shown, not asked", plan.NotAsked, late),
	own("not shown, accepted", plan.Accepted, late),
	own("not shown, refused", plan.Refused, late),
	own("not shown, unclear", plan.Unclear, late),
	own("not shown, refused, stored a moment ago", plan.Refused, func(_ *plan.Situation, v *plan.Version) { v.Fingerprint, v.Created = "sx", ago(5*time.Second) }),
	own("foreign", plan.NotAsked, func(_ *plan.Situation, v *plan.Version) { v.Foreign = true }),
	own("empty", plan.NotAsked, func(_ *plan.Situation, v *plan.Version) { v.Application, v.Fingerprint = "", "" }),
	own("previous one", plan.NotAsked, func(s *plan.Situation, v *plan.Version) {
		if p := s.Views[v.Application].Previous; p != "" {
			v.Fingerprint = p
		}
	}),
}

func tagged(name string, set func(s *plan.Situation, v *plan.Version)) value {
	return value{name, func(s *plan.Situation) {
		id := subject(s)
		v := plan.Version{ID: other, Stored: true, Application: id, Fingerprint: s.Views[id].Current, Created: ago(time.Hour), Follows: true}
		set(s, &v)
		s.Others = append(s.Others[:len(s.Others):len(s.Others)], v)
	}}
}

var labels = axis{
	{"no more labels", func(*plan.Situation) {}},
	tagged("AWSPENDING on the shown one", func(s *plan.Situation, v *plan.Version) { s.Labels.Pending = v.ID }),
	tagged("AWSPENDING on one that is not shown", func(s *plan.Situation, v *plan.Version) { s.Labels.Pending, v.Fingerprint = v.ID, "sx" }),
	tagged("AWSPENDING for two days", func(s *plan.Situation, v *plan.Version) { s.Labels.Pending, v.Created = v.ID, ago(50*time.Hour) }),
	tagged("PINGROTATE on the shown one", func(s *plan.Situation, v *plan.Version) { s.Labels.Manual = v.ID }),
	tagged("PINGROTATE-HEAL on the shown one", func(s *plan.Situation, v *plan.Version) {
		s.Labels.Healed, v.Application = v.ID, s.Current.Application
		v.Fingerprint = s.Views[v.Application].Current
	}),
	{"AWSPENDING on AWSCURRENT", func(s *plan.Situation) {
		if s.Rotation != rotation || s.Manual {
			s.Labels.Pending = s.Current.ID
		}
	}},
	{"AWSPENDING on AWSPREVIOUS", func(s *plan.Situation) {
		if s.Labels.Previous != "" && (s.Rotation != rotation || s.Manual) {
			s.Labels.Pending = s.Labels.Previous
		}
	}},
	{"AWSPENDING without a value", func(s *plan.Situation) { s.Labels.Pending = other }},
	{"AWSCURRENT on the run's version", func(s *plan.Situation) {
		if s.Own.Stored && s.Rotation == rotation {
			s.Labels.Current, s.Current = s.Own.ID, s.Own
		}
	}},
}

var changes = axis{
	{"a while ago", func(s *plan.Situation) { s.Changed = ago(10 * time.Minute) }},
	{"a moment ago", func(s *plan.Situation) { s.Changed = ago(20 * time.Second) }},
}

func intent(age time.Duration, change func(s *plan.Situation, in *register.Intent)) func(*plan.Situation) {
	return func(s *plan.Situation) {
		id := s.Current.Application
		in := register.Intent{Act: register.Mint, Application: id, Secret: arn, Rotation: "another", By: plan.ByStep, Since: ago(age), Announced: 7, Before: s.Views[id].Current}
		change(s, &in)
		s.Item.Intent = &in
	}
}

func emergency(how string, mark int64) *register.Emergency {
	return &register.Emergency{ID: "e", Commands: []string{"e"}, Since: ago(time.Minute), Marked: ago(time.Minute), Mark: mark, How: how, Secret: arn,
		Must: []register.Victim{{Application: app, Fingerprint: "s0"}}}
}

func known(id string, change func(s *plan.Situation, a *register.Application)) func(*plan.Situation) {
	return func(s *plan.Situation) {
		key := id
		if key == "" {
			key = subject(s)
		}
		s.Item.Applications = in(s.Item.Applications, key, func(a register.Application) register.Application { change(s, &a); return a })
	}
}

var items = axis{
	{"knows nothing", func(*plan.Situation) {}},
	{"mint announced a moment ago", intent(5*time.Second, func(*plan.Situation, *register.Intent) {})},
	{"mint announced and shown", intent(5*time.Second, func(_ *plan.Situation, in *register.Intent) { in.Before = "sb" })},
	{"mint announced long ago", intent(time.Minute, func(*plan.Situation, *register.Intent) {})},
	{"mint announced and shown beside the one before", func(s *plan.Situation) {
		intent(5*time.Second, func(_ *plan.Situation, in *register.Intent) { in.Before = s.Views[in.Application].Previous })(s)
	}},
	{"end announced a moment ago", intent(5*time.Second, func(_ *plan.Situation, in *register.Intent) { in.Act, in.Before = register.End, "sb" })},
	{"end announced long ago", intent(time.Minute, func(_ *plan.Situation, in *register.Intent) { in.Act, in.Before = register.End, "sb" })},
	{"move announced a moment ago", intent(5*time.Second, func(_ *plan.Situation, in *register.Intent) {
		in.Act, in.From, in.To = register.Promote, before, "elsewhere"
	})},
	{"move announced and shown", intent(5*time.Second, func(s *plan.Situation, in *register.Intent) {
		in.Act, in.From, in.To, in.Fingerprint = register.Promote, before, s.Labels.Current, s.Current.Fingerprint
	})},
	{"emergency's mint announced a moment ago", intent(5*time.Second, func(_ *plan.Situation, in *register.Intent) { in.By = plan.ByEmergency })},
	{"mint of a superseded view", intent(5*time.Second, func(s *plan.Situation, in *register.Intent) {
		in.Before = "sb"
		known(in.Application, func(s *plan.Situation, a *register.Application) {
			a.Current, a.Replaced = register.Minted{Fingerprint: "sn", Announced: 5}, []string{s.Views[in.Application].Current}
		})(s)
	})},
	{"mint of a superseded view long ago", intent(time.Minute, func(s *plan.Situation, in *register.Intent) {
		in.Before = "sb"
		known(in.Application, func(s *plan.Situation, a *register.Application) {
			a.Current, a.Replaced = register.Minted{Fingerprint: "sn", Announced: 5}, []string{s.Views[in.Application].Current}
		})(s)
	})},
	{"lost a moment ago", func(s *plan.Situation) { s.Item.Unknown = ago(5 * time.Second) }},
	{"lost long ago", func(s *plan.Situation) { s.Item.Unknown = ago(time.Hour) }},
	{"view superseded", known("", func(s *plan.Situation, a *register.Application) {
		a.Current, a.Replaced = register.Minted{Fingerprint: "sn", Announced: 5}, []string{s.Views[subject(s)].Current}
	})},
	{"AWSCURRENT moved a moment ago", func(s *plan.Situation) {
		s.Item.Secrets = with(s.Item.Secrets, arn, register.Secret{Version: "elsewhere", Fingerprint: "sn", Left: s.Current.ID, Since: ago(5 * time.Second)})
	}},
	{"AWSCURRENT moved long ago", func(s *plan.Situation) {
		s.Item.Secrets = with(s.Item.Secrets, arn, register.Secret{Version: "elsewhere", Fingerprint: "sn", Left: s.Current.ID, Since: ago(time.Hour)})
	}},
	{"minted for this rotation", known("", func(s *plan.Situation, a *register.Application) {
		a.Current = register.Minted{Fingerprint: s.Views[subject(s)].Current, At: ago(time.Minute), Announced: 5, Rotation: rotation, Secret: arn, By: plan.ByStep}
	})},
	{"minted for this rotation, not shown", known("", func(s *plan.Situation, a *register.Application) {
		a.Current = register.Minted{Fingerprint: "sn", At: ago(time.Minute), Announced: 5, Rotation: rotation, Secret: arn, By: plan.ByStep}
	})},
	{"minted for an action", known(app, func(s *plan.Situation, a *register.Application) {
		a.Current = register.Minted{Fingerprint: s.Views[app].Current, At: ago(time.Hour), Announced: 5, Rotation: "another", Secret: arn, By: plan.ByAction}
	})},
	{"minted for a step a moment ago", known(app, func(s *plan.Situation, a *register.Application) {
		a.Current = register.Minted{Fingerprint: s.Views[app].Current, At: ago(time.Minute), Announced: 5, Rotation: "another", Secret: arn, By: plan.ByStep}
	})},
	{"two managed secrets", func(s *plan.Situation) { s.Item.Secrets = map[string]register.Secret{arn: {}, sibling: {}} }},
	{"lease of another", func(s *plan.Situation) {
		if !s.Holds {
			s.Item.Lease = register.Lease{Holder: "another", Until: now.Add(20 * time.Second)}
		}
	}},
}

// opened opens an emergency. The register knows a client by its application.
func opened(name, how string, mark int64) value {
	return value{name, func(s *plan.Situation) {
		if s.Current.Application != "" {
			s.Item.Emergency = emergency(how, mark)
		}
	}}
}

var emergencies = axis{
	{"no emergency", func(*plan.Situation) {}},
	opened("swift", plan.Swift, 10),
	opened("contain", plan.Contain, 10),
	opened("swift, minted", plan.Swift, 3),
}

var holds = axis{
	{"no lease", func(*plan.Situation) {}},
	{"the lease's last part", func(s *plan.Situation) { s.Holds = !s.ReadOnly }},
	{"the lease", func(s *plan.Situation) { s.Holds, s.MaySend = !s.ReadOnly, !s.ReadOnly }},
	{"register out of reach", func(s *plan.Situation) { s.Unreachable = true }},
}

var flags = axis{
	{"as usual", func(*plan.Situation) {}},
	{"disabled", func(s *plan.Situation) { s.Off = map[string]bool{app: true} }},
	{"another managed secret lags", func(s *plan.Situation) { s.OtherBehind = sibling }},
	{"a stale copy", func(s *plan.Situation) { s.StaleCopy = "copy" }},
	{"replicas lag", func(s *plan.Situation) { s.ReplicaBehind = true }},
	{"previous ends when idle", func(s *plan.Situation) { s.EndWhenIdle = true }},
	{"closed", func(s *plan.Situation) { s.RotationClosed = "it is of another kind" }},
}

var progress = axis{
	{"nothing done", func(*plan.Situation) {}},
	{"applied", func(s *plan.Situation) { s.Done = plan.Progress{Applied: true} }},
	{"proved", func(s *plan.Situation) { s.Done = plan.Progress{Proved: true} }},
	{"all done", func(s *plan.Situation) {
		s.Done = plan.Progress{Proved: true, Applied: true, Verified: true, Served: true, Shown: true}
	}},
	{"served", func(s *plan.Situation) { s.Done = plan.Progress{Served: true} }},
	{"the twin refused", func(s *plan.Situation) { s.Done = plan.Progress{TwinLater: true} }},
}
