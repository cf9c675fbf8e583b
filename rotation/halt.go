package rotation

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/plan"
	"pingrotate/internal/remedy"
)

// A BusyError means that another invocation is at work on the same PingOne client. Nothing was
// changed.
type BusyError struct {
	Doing string    // what the other invocation does, such as "createSecret of pingone/orders"
	Until time.Time // when it ends at the latest
}

func (e *BusyError) Error() string {
	what := "another invocation"
	if e.Doing != "" {
		what = e.Doing
	}
	return fmt.Sprintf("%s is at work on the same PingOne client, until %s at the latest", what, e.Until.UTC().Format(time.RFC3339))
}

// Remedy says to wait.
func (e *BusyError) Remedy() string {
	return "wait until then; Secrets Manager itself retries a rotation"
}

// A HaltError says why a goal cannot be reached now. Nothing was changed, unless a warning
// says so.
type HaltError struct {
	Why   plan.Why
	Until time.Time // when the obstacle passes without help; zero if it does not, or if that is unknown

	text, remedy string
}

func (e *HaltError) Error() string { return e.text }

// Remedy says what to do.
func (e *HaltError) Remedy() string { return e.remedy }

// haltError describes why a run stops short of its goal.
func (r *run) haltError(m plan.Move) error {
	d := r.found.current
	e := &HaltError{Why: m.Why, Until: m.Until}
	kind := kindOf(d.Document)
	until := m.Until.UTC().Format(time.RFC3339)
	if r.ending != nil {
		if e.text, e.remedy = r.whyKept(m); e.text != "" {
			r.record.lagging = m.Why == plan.Lagging
			return e
		}
	}
	switch m.Why {
	case plan.Lagging:
		r.record.lagging = true
		e.text, e.remedy = r.refusal(m)
	case plan.Stale:
		e.text, e.remedy = "a read still shows what was replaced a moment ago", "run it again in a minute"
	case plan.Contradiction:
		e.text = fmt.Sprintf("PingOne does not show AWSCURRENT's secret %s, and still accepts it: one of the two answers is stale", d.ClientSecret.Fingerprint())
		e.remedy = "run it again in a minute"
	case plan.Unresolved:
		e.text = "a request that an earlier run sent may still take effect"
		if in := r.item().Intent; in != nil {
			e.text = fmt.Sprintf("a %s that was announced at %s has no outcome yet", in.Act, in.Since.UTC().Format(time.RFC3339))
		}
		e.remedy = "run it again after " + until
	case plan.Unknown:
		e.text = "the register's item of this client is new, or was lost, and a request that it does not show may still take effect"
		e.remedy = "run it again after " + until
	case plan.NotAccepted:
		e.text, e.remedy = "PingOne does not accept its own current secret yet", "run it again in a minute; if it still fails, look at the application in PingOne's console"
	case plan.NotAskable:
		if app := r.found.apps[r.applicationID()]; app != nil && !app.Enabled {
			err := disabled(app.ID)
			e.text, e.remedy = err.Error(), remedy.Of(err)
			break
		}
		e.text, e.remedy = "PingOne did not say whether it accepts AWSCURRENT, which it does not show", "run it again in a minute"
	case plan.NotCurrent:
		if r.by == plan.ByRollback {
			e.text, e.remedy = r.endedBefore(m)
			break
		}
		e.text = "the version's secret is not the one that PingOne shows as current"
		e.remedy = "run it again in a minute; a rotation adopts PingOne's secret"
	case plan.Superseded:
		e.text = "the secret stored as " + r.label() + " was regenerated again after it was stored, and is refused; this rotation was ended"
		e.remedy = "start another with aws secretsmanager rotate-secret, which adopts PingOne's secret"
	case plan.Edited:
		e.text = "AWSCURRENT was changed after " + r.label() + " was made from it, and promoting that would undo the change"
		if m.Kind == plan.Untag {
			e.text += "; this rotation was ended"
		}
		e.remedy = "start another with aws secretsmanager rotate-secret, which adopts PingOne's secret"
	case plan.MethodChanged:
		e.text = "the application's tokenEndpointAuthMethod was changed after its secret was stored as " + r.label() + "; this rotation was ended"
		e.remedy = "start another with aws secretsmanager rotate-secret, which adopts PingOne's secret"
	case plan.NotStored:
		e.text, e.remedy = "version "+r.token+" has no value yet", "createSecret comes first"
	case plan.Lost:
		e.text, e.remedy = "PingOne does not show the secret that it made for this rotation", "run it again in a minute; if it still fails, the secret was regenerated elsewhere, and a new rotation adopts PingOne's"
	case plan.EmergencyOpen:
		e.text, e.remedy = "an emergency of this client is open", "run the emergency again, which completes it"
	case plan.NotFilled:
		e.text, e.remedy = notFilled(d.Document), "rotate it, or repeat the command that attached it"
	case plan.NoWayBack:
		e.text, e.remedy = r.noWayBack()
	case plan.RotationRunning:
		e.text = "a rotation is under way"
		e.remedy = "run it again when that rotation is over, which is by " + until + " at the latest"
	case plan.CopyKept:
		e.text = "a member of the document holds a copy of the secret that a rotation would leave stale: " + strings.Join(r.copies(), ", ")
		e.remedy = "remove the copy, or name the member in rotation.names"
	case plan.Replicas:
		e.text = fmt.Sprintf("the replica in %s is not in sync, and consumers there would be locked out, so the leaked secret still works", r.secret.replicaBehind())
		e.remedy = `repair the replication and run the command again, or contain the leak with the emergency "contain"`
	case plan.OtherLags:
		e.text, e.remedy = r.otherLags()
	case plan.RegisterNeeded:
		e.text = "nothing may be done while the register is out of reach"
		if r.hold.failure != nil {
			e.text += ": " + r.hold.failure.Error()
			e.remedy = remedy.Of(r.hold.failure)
		}
	case plan.Closed:
		return r.found.closed
	case plan.Foreign:
		e.text, e.remedy = r.label()+" and AWSCURRENT name different applications", "to point a secret at another application, store a new AWSCURRENT"
	default:
		e.text, e.remedy = "the "+kind+" cannot be rotated now: "+m.Why.String(), "run check, which says more"
	}
	return e
}

// notFilled describes a document without a client secret, which no rotation has filled yet.
func notFilled(d *document.Document) string {
	if d.ClientID == "" {
		return "the secret has not been filled yet: its first rotation creates the application and stores its client secret"
	}
	return "the secret has not been filled yet: its first rotation stores the client secret that PingOne has, unchanged"
}

// refusal explains that consumers must first let go of the previous secret.
func (r *run) refusal(m plan.Move) (text, remedy string) {
	id := r.applicationID()
	if r.found.current.Alternates() {
		id = r.found.twin
	}
	p := r.found.views[id].Previous
	state := "has just been replaced"
	if !p.LastUsed.IsZero() {
		state = "was last used at " + p.LastUsed.UTC().Format(time.RFC3339)
	}
	kind := r.found.current.Target().Kind
	return fmt.Sprintf("%s %s: refusing to regenerate, because the previous secret %s and consumers that still hold it would be locked out", kind, id, state),
		fmt.Sprintf("rotate again after %s, when it has been idle for %s, its grace is over or it has expired; to force it, end the previous secret now with pingrotate end-previous %s --lock-out",
			m.Until.UTC().Format(time.RFC3339), inUnits(plan.IdleAfter), cmp.Or(r.secret.name, r.secret.id))
}

// otherLags explains which other managed secret of the client is in the way.
func (r *run) otherLags() (text, remedy string) {
	text = "another managed secret of the same PingOne client, " + r.found.otherBehind + ", "
	if why := r.found.otherUnread; why != nil {
		return text + fmt.Sprintf("cannot be read, and may hold the previous secret: %v", why),
			"let the function read it, or delete it if no consumer needs it; or wait until the previous secret has expired"
	}
	return text + "does not hold PingOne's current secret, and consumers that read it would be locked out",
		"wait for an audit, which gives it the current one, or rotate it; keep one managed secret for a client"
}

// noWayBack explains why AWSPREVIOUS cannot become AWSCURRENT again.
func (r *run) noWayBack() (text, remedy string) {
	switch {
	case !r.found.current.Alternates():
		return `with the strategy "single" there is no way back: PingOne cannot make a replaced secret its current one again, and the one in AWSPREVIOUS ends`,
			"if the new secret gives trouble, rotate again, or run pingrotate check to see what is wrong"
	case r.secret.holder(labelPrevious) == "":
		return "no version is labelled AWSPREVIOUS", "there is nothing to roll back to; rotate first"
	}
	return "AWSPREVIOUS holds no secret of the twin that AWSCURRENT names", "there is nothing to roll back to; rotate instead"
}

// endedBefore explains why AWSPREVIOUS would stop working soon, or does not work at all.
func (r *run) endedBefore(m plan.Move) (text, remedy string) {
	if !m.Until.IsZero() {
		return fmt.Sprintf("AWSPREVIOUS is not promoted, because its secret ends at %s: a rotation that stopped had made a newer one for its application", m.Until.UTC().Format(time.RFC3339)),
			"rotate instead, which adopts that secret"
	}
	return "AWSPREVIOUS is not promoted, because it does not work: PingOne does not show its secret", "rotate instead"
}

// copies names the document's members that hold a copy of the secret that a rotation replaces,
// and that no rotation would update.
func (r *run) copies() []string { return r.found.current.StaleCopies(r.found.current.ClientSecret) }
