package rotation

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Targets are what a leaked admin could read.
type Targets struct {
	// Admins are those of them that are admins of the function themselves, by name, each
	// after the one that could read it. Whoever has read theirs could read on.
	Admins []string `json:"admins,omitempty"`

	// All are the managed secrets whose applications' secrets it could read, by name, the
	// admins first.
	All []string `json:"all,omitempty"`
}

// targets finds the managed secrets whose applications' secrets the admin with this
// secret could read, by the function's documents and settings: they have to be rotated as
// well once the admin has leaked. That goes on from each admin among them. Of a secret
// that cannot be read nothing is known, and it counts.
func (r *Rotator) targets(ctx context.Context, admin description, document *Document) (Targets, error) {
	count := new(counter)
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
			if r.Settings.leads(d) {
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

// reaches reports whether an admin could read the secret of a target's application: the
// target names it as its admin, or its owner allows that. Which of the two was first, and
// whether a rotation would find both in order, does not matter to who holds its secret.
func (s Settings) reaches(admin description, document *Document, d description, target *Document) bool {
	id, _ := s.adminFor(target)
	return id != "" && (id == admin.arn || secretNameOf(id) == admin.name) || document != nil && len(document.AllowancesFor([]string{d.name, d.arn})) > 0
}

// leads reports whether the settings name a secret as an admin.
func (s Settings) leads(d description) bool { return s.isAdmin(d.arn, d.name, place(d.arn)) }
