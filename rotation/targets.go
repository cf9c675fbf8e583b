package rotation

import (
	"context"
	"slices"
	"sync"

	"pingrotate/internal/document"
)

// targets returns the names of the managed secrets whose applications' secrets the admin
// with this secret could read, by the function's documents and settings: they have to be
// rotated as well once the admin has leaked. Of a secret that cannot be read nothing is
// known, and it is named too.
func (r *Rotator) targets(ctx context.Context, admin description) (names []string, err error) {
	count := new(counter)
	all, err := r.list(ctx, count)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	others := slices.DeleteFunc(all, func(d description) bool { return d.arn == admin.arn })
	r.each(ctx, count, others, func(d description, v *document.Document, err error) {
		if err == nil && v != nil {
			if id, _ := r.Settings.adminFor(v); id != admin.arn && id != admin.name {
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		names = append(names, d.name)
	})
	slices.Sort(names)
	return names, nil
}
