package document

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Permission is what an admin's owner lets a managed secret create or change: the
// allowances that apply to its target. Nil is [Everything].
type Permission struct {
	everything bool
	admin      string   // the id of the admin's secret, for its refusals
	names      []string // the secret's name and ARN
	entries    []Allowance
}

// Everything permits whatever PingOne lets the admin do.
var Everything = &Permission{everything: true}

// By returns the permission as that of the admin with this secret, which refusals name.
func (p *Permission) By(adminSecret string) *Permission {
	by := *p
	by.admin = "the admin secret " + adminSecret + " "
	return &by
}

// Facts are what [Permit] cannot learn from documents.
type Facts struct {
	// Admins are the ids of the applications that are admins of the function, which are
	// allowed only by id. Nil means that they have not been read.
	Admins []string

	// Targets are the marks of the applications whose descriptions were read, by id.
	Targets map[string]Mark

	// TwinMarker is how a description says that its application is another one's twin.
	TwinMarker func(original string) string
}

// A Mark says which of this secret's markers a description in PingOne has. The writer of a
// document cannot set it.
type Mark struct {
	Marked bool   // the secret's marker
	TwinOf string // the id of the application of which it is marked as the twin; "" for none
}

// Unread is the error of [Permit] if the answer depends on facts that have not been read.
type Unread struct {
	// IDs are those of the applications or custom resources whose descriptions must be read
	// and added to [Facts.Targets]. Nothing else about them may be read yet.
	IDs []string

	Admins bool // [Facts.Admins] must be read
}

func (e *Unread) Error() string {
	if e.Admins {
		return "whether this secret is allowed depends on which applications are admins of the function"
	}
	return "whether this secret is allowed depends on the descriptions of " + strings.Join(e.IDs, ", ")
}

// A Refusal says what an admin's document does not allow.
type Refusal struct {
	What   string // such as "does not allow application …"
	remedy string
}

func (e *Refusal) Error() string { return e.What }

// Remedy says what the admin's owner can add to allow it.
func (e *Refusal) Remedy() string { return e.remedy }

// Permit returns what the admin may do for the target. The names are the target secret's
// name and ARN. Without an allowance it may do nothing. The error is then a [*Refusal], a
// [*FieldError] about the admin's document, or an [*Unread].
//
// PingOne decides, not the document: a twin is allowed with its original only if PingOne
// has it as the twin that was created for this secret.
func Permit(admin *Document, names []string, target *Document, facts Facts) (*Permission, error) {
	if err := admin.mayServe(target); err != nil {
		return nil, err
	}
	var entries []Allowance
	for i, a := range admin.Allow {
		if a.Applications.None() {
			return nil, NewFieldError(fmt.Sprintf("allow[%d].applications", i), `is missing; it must have ids of applications, be "marked", for those with the secret's marker in PingOne, or "*"`)
		}
		if a.matches(names, target.EnvironmentID) {
			entries = append(entries, a)
		}
	}
	if len(entries) == 0 {
		return nil, &Refusal{"does not allow this secret in this environment",
			fmt.Sprintf("its owner can add to allow an entry with secret %q, environmentId %q and applications", nameOf(names), target.EnvironmentID) + printed(names)}
	}
	q := question{target: target, facts: facts}
	granted := slices.DeleteFunc(slices.Clone(entries), func(a Allowance) bool { return !q.reaches(a) })
	switch {
	case len(granted) > 0 && target.Rotation.Application == nil:
		// Whatever else is allowed, this document configures nothing.
	case q.admins:
		return nil, &Unread{Admins: true}
	case len(q.unread) > 0:
		slices.Sort(q.unread)
		return nil, &Unread{IDs: slices.Compact(q.unread)}
	case len(granted) == 0 && q.foreignTwin:
		return nil, q.notTwins(entries)
	case len(granted) == 0 && target.ApplicationID() == "":
		return nil, &Refusal{"does not allow this secret to create an application",
			`its owner can add "create": true to the entry's configure, and "marked" to its applications` + printed(names)}
	case len(granted) == 0:
		return nil, &Refusal{fmt.Sprintf("does not allow this secret the %s %s", target.Target().Kind, target.ApplicationID()),
			fmt.Sprintf("its owner can add %q to the applications of the entry", target.ApplicationID()) + printed(names)}
	}
	return &Permission{names: names, entries: granted}, nil
}

// printed names the command that prints the entry that a secret needs, if the secret
// exists: only then does it have an ARN.
func printed(names []string) string {
	if len(names) < 2 {
		return ""
	}
	return "; pingrotate allow " + Printable(names[0]) + " prints it"
}

func nameOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// A question is what each allowance is asked about one target.
type question struct {
	target *Document
	facts  Facts

	unread      []string // what an answer depends on
	admins      bool     // an answer depends on which applications are admins
	foreignTwin bool     // the target names a twin that PingOne does not have as its twin
}

// reaches reports whether the allowance applies to the target, and to its twin if it has
// one.
func (q *question) reaches(a Allowance) bool {
	id, twin := q.target.ApplicationID(), q.target.Rotation.Twin
	if id == "" {
		return a.Configure.Create && (a.Applications.Marked || a.Applications.Any)
	}
	if twin == "" {
		return q.covers(a.Applications, id)
	}
	if slices.Contains(a.Applications.IDs, id) && slices.Contains(a.Applications.IDs, twin) {
		return true
	}
	first, second := q.mark(id), q.mark(twin)
	if first == nil || second == nil {
		return false
	}
	switch {
	case second.TwinOf == id:
		return q.covers(a.Applications, id)
	case first.TwinOf == twin:
		return q.covers(a.Applications, twin)
	}
	q.foreignTwin = true
	return false
}

// notTwins is the error for two applications of which PingOne shows neither as the twin of
// the other. The one that an allowance covers would be the original.
func (q *question) notTwins(entries []Allowance) error {
	original, twin := q.target.ApplicationID(), q.target.Rotation.Twin
	if !slices.ContainsFunc(entries, func(a Allowance) bool { return q.covers(a.Applications, original) }) {
		original, twin = twin, original
	}
	return NotTwins(twin, q.facts.TwinMarker(original))
}

// NotTwins is the error for a twin whose description in PingOne lacks the marker.
func NotTwins(twin, marker string) error {
	return NewFieldError("rotation.twin", fmt.Sprintf("names an application, and PingOne has neither of the two as the other's twin; "+
		"if someone edited the description of %s in PingOne, put %s back into it; otherwise remove the field, and the next rotation creates a twin", twin, marker))
}

// covers reports whether the applications include the one with this id, without regard to
// twins.
func (q *question) covers(a Applications, id string) bool {
	switch {
	case slices.Contains(a.IDs, id):
		return true
	case !a.Any && !a.Marked:
		return false
	case q.facts.Admins == nil:
		q.admins = true
		return false
	case slices.Contains(q.facts.Admins, id):
		return false
	case a.Any:
		return true
	}
	m := q.mark(id)
	return m != nil && m.Marked
}

// mark returns what is known about the application, or nil if nothing is yet.
func (q *question) mark(id string) *Mark {
	if m, ok := q.facts.Targets[id]; ok {
		return &m
	}
	q.unread = append(q.unread, id)
	return nil
}

// AllowsTestUser checks that an entry lists the secret of a test user, by the name or ARN
// that the document has. The error is a [*Refusal].
func (p *Permission) AllowsTestUser(secret string) error {
	if p == nil || p.everything || slices.ContainsFunc(p.entries, func(a Allowance) bool { return slices.Contains(a.TestUsers, secret) }) {
		return nil
	}
	return &Refusal{p.admin + "does not allow this secret the test user " + Printable(secret),
		fmt.Sprintf("its owner can add %q to the testUsers of the entry", Printable(secret)) + printed(p.names)}
}

// Allows checks that each of the changes is permitted. The error is a [*Refusal] that names
// those that are not.
func (p *Permission) Allows(changes ...Change) error {
	if p == nil || p.everything {
		return nil
	}
	var refused, missing []string
	var never error
	for _, c := range changes {
		switch {
		case c.Kind == ChangeResource && !c.Own:
			never = errors.Join(never, &Refusal{fmt.Sprintf("the resource %q was not created for this secret, and is never changed for it", Printable(c.Name)),
				"complete it in PingOne, or give rotation.application.resource another name"})
		case !slices.ContainsFunc(p.entries, func(a Allowance) bool { return a.Configure.allows(c) }):
			refused = append(refused, c.String())
			missing = append(missing, c.entry())
		}
	}
	if never != nil {
		return never
	}
	if len(refused) == 0 {
		return nil
	}
	slices.Sort(missing)
	return &Refusal{p.admin + "does not allow this secret what rotation.application asks for: " + strings.Join(slices.Compact(refused), "; "),
		"its owner can add to the entry's configure: " + strings.Join(slices.Compact(missing), ", ") + printed(p.names)}
}
