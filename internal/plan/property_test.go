package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pingrotate/internal/plan"
	"pingrotate/internal/register"
)

// rules hold for the move of every situation. Each is stated in terms of what the situation
// shows, not of how the plan decides.
var rules = []struct {
	name  string
	check func(s plan.Situation, m plan.Move) string
}{
	{"a mint outside of emergencies replaces what AWSCURRENT holds, or an idle twin's", mintsWhatIsHeld},
	{"a rotation whose mint is known is not given another", oneMint},
	{"acts need the lease and the time to send", needsLease},
	{"without the register nothing is minted, ended or promoted, except from a previous secret to the current one of the same view", unregistered},
	{"AWSCURRENT moves only to what the view shows as current", promotesWhatIsShown},
	{"a secret that cannot be rotated is neither judged nor promoted by a rotation", closedStaysShut},
	{"nothing acts on a stale view", notOnStale},
	{"an announced act is resolved before the next", resolvesFirst},
	{"a lost item is waited for, but not with a first secret", waitsForLost},
	{"a run that only reads writes nothing", readsOnly},
	{"an open emergency comes first", emergencyFirst},
	{"looks and stops say why", saysWhy},
	{"a secret is stored as the view shows it", storesWhatIsShown},
	{"no secret ends that AWSCURRENT holds or consumers need", endsWhatIsIdle},
	{"labels are taken off what has them, and no rotation at work loses one", untags},
	{"questions are new", asksAnew},
	{"an emergency ends what leaked in the right order", emergencyOrder},
	{"no AWSCURRENT stays dead that can be healed", healsTheDead},
}

func TestEveryMoveKeepsTheRules(t *testing.T) {
	forEach(t, 60_000, func(s plan.Situation) string {
		m := plan.Next(s)
		for _, r := range rules {
			if wrong := r.check(s, m); wrong != "" {
				return fmt.Sprintf("%s: %s: %s", r.name, wrong, show(s, m))
			}
		}
		return ""
	})
}

func view(s plan.Situation) plan.View { return s.Views[s.Current.Application] }

func ordinary(s plan.Situation) bool { return s.Goal != plan.Emergency && s.Goal != plan.Follow }

func mintsWhatIsHeld(s plan.Situation, m plan.Move) string {
	if m.Kind != plan.Mint || !ordinary(s) {
		return ""
	}
	v := s.Views[m.Application]
	single := !s.Alternates && m.Application == s.Current.Application
	switch {
	case s.Goal != plan.Create:
		return "minted by another goal than createSecret's"
	case !single && (!s.Alternates || m.Application != s.Twin || s.Twin == ""):
		return "minted for another application"
	case single && (s.Current.Fingerprint == "" || s.Current.Fingerprint != v.Current):
		return "AWSCURRENT does not hold PingOne's current secret, which would be evicted unseen"
	case m.Fingerprint != v.Current:
		return "announced against another secret than the view's"
	case v.Previous != "" && v.LastUsed.After(ago(plan.IdleAfter)) && (!single || s.Current.Since.After(ago(grace))) && v.Expires.After(v.At):
		if single || s.Others[0].Created.After(ago(grace)) {
			return "consumers lag"
		}
	case !m.Keep:
		return "no fuse"
	case s.Off[m.Application]:
		return "disabled"
	case !s.Done.Proved || !s.Done.Applied:
		return "the path was not proved"
	case s.StaleCopy != "" || single && s.OtherBehind != "" || s.RotationClosed != "":
		return "a copy would go stale, another managed secret lags, or the secret cannot be rotated"
	case s.Own.Stored:
		return "the rotation has a version already"
	case s.Manual && s.Labels.Pending == other && s.Changed.After(ago(plan.Quiet)) && slices.ContainsFunc(s.Others, func(v plan.Version) bool { return v.ID == other }):
		return "a rotation of Secrets Manager's is at work"
	}
	return ""
}

func oneMint(s plan.Situation, m plan.Move) string {
	if m.Kind != plan.Mint || !ordinary(s) {
		return ""
	}
	made := s.Item.Applications[m.Application].Current
	if made.Rotation == s.Rotation && made.Secret == s.Secret && s.Rotation != "" {
		return "minted again"
	}
	return ""
}

func acts(m plan.Move) bool {
	switch m.Kind {
	case plan.Mint, plan.End, plan.Promote, plan.Untag, plan.Close:
		return true
	case plan.Store:
		return m.Label != ""
	}
	return false
}

func needsLease(s plan.Situation, m plan.Move) string {
	if acts(m) && !s.Unreachable && (!s.Holds || !s.MaySend) {
		return "not under the lease"
	}
	if m.Kind == plan.Store && m.Decision == plan.Drift && !s.Holds {
		return "drift was not judged under the lease"
	}
	return ""
}

func unregistered(s plan.Situation, m plan.Move) string {
	if !s.Unreachable || !acts(m) {
		return ""
	}
	v := view(s)
	safe := s.Current.Fingerprint != "" && v.Previous == s.Current.Fingerprint && m.Fingerprint == v.Current
	if safe && (m.Kind == plan.Promote && m.From == s.Current.ID || m.Kind == plan.Store) {
		return ""
	}
	return "acted without the register"
}

func find(s plan.Situation, id string) (plan.Version, bool) {
	for _, v := range append([]plan.Version{s.Own}, s.Others...) {
		if v.ID == id && v.Stored {
			return v, true
		}
	}
	return plan.Version{}, false
}

func promotesWhatIsShown(s plan.Situation, m plan.Move) string {
	if m.Kind != plan.Promote {
		return ""
	}
	to, ok := find(s, m.To)
	v := s.Views[m.Application]
	alive := s.Answers[m.Fingerprint] == plan.Accepted || s.Done.Verified && s.Goal == plan.Finish || s.Off[s.Current.Application]
	switch {
	case !ok || to.Fingerprint != m.Fingerprint || to.Application != m.Application:
		return "to a version that does not hold what was judged"
	case m.Fingerprint == "" || v.Current != m.Fingerprint:
		return "to a secret that is not shown as current"
	case m.From != s.Current.ID:
		return "from another version than the one that was judged"
	case m.From == s.Labels.Pending:
		return "AWSPENDING stays on the version that AWSCURRENT leaves, and no rotation starts any more"
	case s.Goal == plan.Finish && !s.Done.Verified:
		return "without the document's demands"
	case !to.Follows || to.Foreign:
		return "an edit would be undone, or another application promoted"
	case s.Answers[m.Fingerprint] == plan.Refused && !(s.Goal == plan.Finish && s.Done.Verified) && !s.Off[s.Current.Application]:
		return "to a secret that is refused"
	case ordinary(s) && !alive:
		return "without a token, from an application that is enabled"
	}
	return ""
}

// stale reports whether the register shows that the look is out of date.
func stale(s plan.Situation) bool {
	for id, v := range s.Views {
		a := s.Item.Applications[id]
		heard := slices.MaxFunc([]time.Time{s.Item.Unknown, a.Current.At, s.Item.Secrets[s.Secret].Since, s.Item.Secrets[sibling].Since}, time.Time.Compare)
		if slices.Contains(a.Replaced, v.Current) && (heard.IsZero() || s.Now.Sub(heard) < register.ViewLag) {
			return true
		}
	}
	moved := s.Item.Secrets[s.Secret]
	return moved.Left == s.Current.ID && moved.Left != "" && s.Now.Sub(moved.Since) < register.ReadLag
}

func closedStaysShut(s plan.Situation, m plan.Move) string {
	if s.RotationClosed == "" || s.Goal != plan.Create && s.Goal != plan.Finish {
		return ""
	}
	switch m.Kind {
	case plan.Verify, plan.Promote, plan.Store, plan.Mint, plan.Provision, plan.Prove, plan.Apply:
		return "the rotation continued"
	}
	return ""
}

func notOnStale(s plan.Situation, m plan.Move) string {
	if s.Unreachable || !stale(s) || m.Kind == plan.Look {
		return ""
	}
	in := s.Item.Intent
	if m.Kind == plan.Settle && (!m.Happened || in.Act == register.Promote || !slices.Contains(s.Item.Applications[in.Application].Replaced, m.Fingerprint)) {
		return "" // what is recorded does not depend on the stale part
	}
	return "acted on a stale view"
}

func resolvesFirst(s plan.Situation, m plan.Move) string {
	in := s.Item.Intent
	if in == nil || !s.Holds {
		return ""
	}
	contains := s.Goal == plan.Emergency && s.Item.Emergency != nil && s.Item.Emergency.How == plan.Contain
	if contains && in.By != plan.ByEmergency {
		return ""
	}
	young := s.Now.Sub(in.Since) < register.ResolveTime
	shown := in.Act == register.Mint && s.Views[in.Application].Current != in.Before || in.Act == register.Promote && s.Labels.Current == in.To
	// Unless the one before is now previous, the current secret may be an older one.
	spent := in.Act == register.Promote && shown || in.Act == register.Mint && shown && s.Views[in.Application].Previous == in.Before
	switch {
	case m.Kind != plan.Look && m.Kind != plan.Settle:
		return "an act has no outcome"
	case m.Kind == plan.Settle && young && !spent:
		return "an act that may still take effect was given up"
	case m.Kind == plan.Settle && m.Happened && !shown:
		return "an act that does not show was taken for done"
	case m.Kind == plan.Settle && in.Act == register.Mint && m.Happened && m.Fingerprint != s.Views[in.Application].Current:
		return "another secret was taken for the one that was minted"
	case m.Kind == plan.Look && !young && s.Item.Unknown.IsZero():
		return "waited for what can no longer happen"
	}
	return ""
}

func waitsForLost(s plan.Situation, m plan.Move) string {
	first := s.Current.Fingerprint == "" && !emptied(s)
	exempt := s.Goal == plan.Finish && (first || s.Labels.Current == s.Rotation)
	if exempt && m.Kind == plan.Look && m.Why == plan.Unknown {
		return "a first secret waited for a lost act, which can end nothing that a consumer holds"
	}
	if exempt || !s.Holds || s.Item.Unknown.IsZero() || s.Now.Sub(s.Item.Unknown) >= register.ResolveTime {
		return ""
	}
	if m.Kind != plan.Look || m.Why != plan.Unknown || m.Until != s.Item.Unknown.Add(register.ResolveTime) {
		return "did not wait for what a lost item may have announced"
	}
	return ""
}

// emptied reports whether AWSCURRENT holds no secret while the version before it holds one
// of the same application, or a recorded move gave consumers one.
func emptied(s plan.Situation) bool {
	if s.Item.Secrets[s.Secret].Fingerprint != "" && s.Current.Application != "" {
		return true
	}
	v, ok := find(s, s.Labels.Previous)
	return ok && s.Current.Application != "" && v.Fingerprint != "" && v.Application == s.Current.Application
}

func readsOnly(s plan.Situation, m plan.Move) string {
	if !s.ReadOnly {
		return ""
	}
	switch m.Kind {
	case plan.Done, plan.Look, plan.Ask, plan.Prove, plan.Stop:
		return ""
	}
	return "a run that only reads would write"
}

func saysWhy(s plan.Situation, m plan.Move) string {
	switch {
	case (m.Kind == plan.Look || m.Kind == plan.Stop) && m.Why == plan.NoReason:
		return "no reason"
	case m.Kind == plan.Look && m.Until.Before(s.Now) && m.Why != plan.Contradiction: // a contradiction waits anyway
		return "waits for what is past"
	}
	return ""
}

func storesWhatIsShown(s plan.Situation, m plan.Move) string {
	switch {
	case m.Kind != plan.Store:
	case m.Fingerprint == "" || s.Views[m.Application].Current != m.Fingerprint:
		return "stored what is not shown as current"
	case m.Label == "" && (s.Goal != plan.Create || s.Own.Stored):
		return "a version that is stored is final"
	case m.Label == "" && m.Version != s.Rotation:
		return "stored as another version"
	case m.Label != "" && m.Application != s.Current.Application:
		return "healed with another application's secret"
	case m.Label == "" && m.Decision == plan.Drift && s.Current.Fingerprint != "" && !(s.Answers[s.Current.Fingerprint] == plan.Refused && s.Answers[m.Fingerprint] == plan.Accepted):
		return "drift, although AWSCURRENT was not refused, or PingOne's secret not accepted"
	case m.Label == "" && m.Decision == plan.Drift && s.Current.Fingerprint != "" && s.Now.Sub(s.Current.Created) < register.ReadLag:
		return "drift of what was stored a moment ago"
	}
	return ""
}

func endsWhatIsIdle(s plan.Situation, m plan.Move) string {
	if m.Kind != plan.End {
		return ""
	}
	v := s.Views[m.Application]
	switch {
	case m.Fingerprint == "" || m.Fingerprint != v.Previous:
		return "ended another secret than the previous one"
	case m.Fingerprint == s.Current.Fingerprint:
		return "ended the secret that AWSCURRENT holds"
	case m.Application == s.Current.Application && s.Current.Fingerprint != v.Current:
		return "ended a secret while AWSCURRENT does not hold the current one"
	case s.Goal == plan.Emergency:
		return ""
	case s.Goal == plan.EndPrevious:
		return endsWhatIsNamed(s, m)
	case s.Goal != plan.Audit:
		return "ended by another goal than an audit's"
	case m.Application != s.Current.Application:
		return "an audit has ended a twin's secret"
	case v.LastUsed.After(ago(plan.IdleAfter)) || s.Current.Since.After(ago(plan.IdleAfter)):
		return "ended a secret in use"
	case s.Current.Since.After(ago(grace)) && !s.EndWhenIdle:
		return "ended a secret within its grace"
	case s.ReplicaBehind || s.OtherBehind != "":
		return "ended a secret that consumers elsewhere still hold"
	case s.Changed.After(ago(plan.Quiet)) && slices.ContainsFunc(s.Others, func(v plan.Version) bool { return v.ID == s.Labels.Pending && v.ID != s.Labels.Previous }):
		return "ended a secret while a rotation is at work"
	}
	return ""
}

func untags(s plan.Situation, m plan.Move) string {
	if m.Kind != plan.Untag {
		return ""
	}
	holder := map[string]string{plan.PendingLabel: s.Labels.Pending, plan.ManualLabel: s.Labels.Manual, plan.HealLabel: s.Labels.Healed}
	switch {
	case m.From == "" || holder[m.Label] != m.From && !(s.Goal == plan.Create && m.From == s.Own.ID && m.Decision == plan.Poisoned):
		return "a label that is not there"
	case m.Why != plan.Orphaned:
		return ""
	case s.Goal != plan.Audit:
		return "tidied by another goal than an audit's"
	case s.Changed.After(ago(plan.Quiet)):
		return "tidied while a rotation may be at work"
	case m.From == s.Current.ID:
		return "removed a label from AWSCURRENT as if it were unused"
	}
	v, ok := find(s, m.From)
	if ok && m.Label == plan.PendingLabel && v.ID != s.Labels.Previous && s.Views[v.Application].Current == v.Fingerprint && v.Created.After(ago(plan.Quiet)) {
		return "ended a rotation that can still be finished"
	}
	return ""
}

func asksAnew(s plan.Situation, m plan.Move) string {
	if m.Kind != plan.Ask {
		return ""
	}
	fresh := false
	for _, f := range m.Ask {
		if f == "" {
			return "a question about no secret"
		}
		fresh = fresh || s.Answers[f] == plan.NotAsked
	}
	if !fresh {
		return "asked what was answered"
	}
	return ""
}

// healsTheDead is the rule that an audit or createSecret does not leave a dead or dying
// AWSCURRENT alone, or make it worse.
func healsTheDead(s plan.Situation, m plan.Move) string {
	if s.Unreachable || s.ReadOnly || s.Item.Emergency != nil || stale(s) || s.RotationClosed != "" || s.Goal != plan.Audit && s.Goal != plan.Create {
		return ""
	}
	v := view(s)
	f := s.Current.Fingerprint
	dead := f != "" && f != v.Current && f != v.Previous && s.Answers[f] == plan.Refused && s.Answers[v.Current] == plan.Accepted && s.Current.Created.Before(ago(time.Minute)) && !s.Off[s.Current.Application]
	soon := f != "" && f == v.Previous && v.Expires.Sub(v.At) < 26*time.Hour
	if !dead && !soon {
		return ""
	}
	switch m.Kind {
	case plan.Done:
		if s.Goal == plan.Create && s.Own.Stored && s.Own.Application == "" {
			return ""
		}
		return "left AWSCURRENT to die"
	case plan.Mint, plan.End:
		return "made it worse"
	}
	return ""
}
