package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"pingrotate/internal/remedy"
	"pingrotate/internal/waves"
)

// Targets are the managed secrets whose applications' secrets a leaked admin could read, by
// name.
type Targets struct {
	// Admins are those among them that are admins of the function too, each after the one
	// that could read it. With their secrets, a thief could read further ones.
	Admins []string `json:"admins,omitempty"`

	// All are all of them, the admins first.
	All []string `json:"all,omitempty"`
}

// targets finds the managed secrets whose applications' secrets a leaked admin could read,
// according to the documents and the settings, and those that the admins among them could
// read. All of them must be rotated once the admin's own secret has ended. A secret that
// cannot be read counts.
func (r *Rotator) targets(ctx context.Context, count *counter, admin description, document *Document) (Targets, error) {
	all, err := r.list(ctx, count)
	if err != nil {
		return Targets{}, err
	}
	var mu sync.Mutex
	found := make(map[string]*Document, len(all)) // by ARN; nil for one that cannot be read
	r.each(ctx, count, all, func(d description, v *Document, err error) {
		if err != nil {
			v = nil
		}
		mu.Lock()
		defer mu.Unlock()
		found[d.arn] = v
	})
	found[admin.arn] = document
	var t Targets
	var rest []string
	reached := map[string]bool{admin.arn: true}
	for queue := []description{admin}; len(queue) > 0; queue = queue[1:] {
		for _, d := range all {
			v, looked := found[d.arn]
			if reached[d.arn] || looked && v != nil && !r.Settings.reaches(queue[0], found[queue[0].arn], d, v) {
				continue
			}
			reached[d.arn] = true
			if r.Settings.isAdminSecret(d) {
				t.Admins = append(t.Admins, d.name)
				queue = append(queue, d)
			} else {
				rest = append(rest, d.name)
			}
		}
	}
	slices.SortFunc(rest, strings.Compare)
	t.All = append(slices.Clone(t.Admins), rest...)
	return t, nil
}

// fillTargets adds the leaked admin alone and, once its secret has ended, what the admin
// could read: the admins one by one, because each could read further secrets, and then all
// the others. Nothing follows earlier, because the leaked admin could read the new secrets
// too. It finds the targets again for each page, so an execution that starts again needs no
// memory.
func (r *Rotator) fillTargets(ctx context.Context, c waves.Campaign, t waves.Tally, p *waves.Plan) error {
	admin := &secret{api: r.Secrets, id: c.Leaked(), count: new(counter)}
	if err := admin.describe(ctx); err != nil {
		return err
	}
	if !r.Settings.isAdminSecret(admin.description) {
		return remedy.With(fmt.Errorf("%s is not an admin of the function, and so has no targets", c.Leaked()), "name the admin's secret, or run the campaign without targets")
	}
	ended := t.Ended(c.Leaked())
	if !ended && p.Wants() && p.Memory.Token == "" {
		p.Alone(c.Leaked())
		p.Memory.Token = c.Leaked()
		return nil
	}
	var document *Document // nil for one that cannot be read
	if v, err := admin.read(ctx, "", labelCurrent); err == nil && v != nil {
		document = v.Document
	}
	targets, err := r.targets(ctx, admin.count, admin.description, document)
	if err != nil {
		return err
	}
	names := targets.All
	at := slices.Index(names, p.Memory.Token) + 1
	for ; ended && p.Wants() && at < len(names) && !p.Full(); at++ {
		switch p.Memory.Token = names[at]; {
		case p.Done(names[at]):
		case at < len(targets.Admins):
			p.Alone(names[at])
		default:
			p.Add(names[at])
		}
	}
	p.Memory.End = at >= len(names) || !ended
	p.Memory.Planned = 1 + len(names) // even if the campaign stops before it reaches them
	return nil
}

// reaches reports whether an admin could read the secret of a target's application: the
// target names it as its admin, or the admin's document allows the target. Either is
// enough, even if a rotation would not find both in order.
func (s Settings) reaches(admin description, document *Document, d description, target *Document) bool {
	id, _ := s.adminFor(target)
	return id != "" && (id == admin.arn || secretNameOf(id) == admin.name) || document != nil && len(document.AllowancesFor([]string{d.name, d.arn})) > 0
}

// isAdminSecret reports whether the settings name the secret as an admin.
func (s Settings) isAdminSecret(d description) bool { return s.isAdmin(d.arn, d.name, place(d.arn)) }
