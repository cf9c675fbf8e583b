package rotation

import (
	"context"
	"slices"
	"sync"
)

// targetReaders is how many managed secrets are read at once, to find those of an admin.
const targetReaders = 8

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
	var wg sync.WaitGroup
	free := make(chan struct{}, targetReaders)
	for _, d := range all {
		if d.arn == admin.arn {
			continue
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			s := &secret{api: r.Secrets, id: d.arn, count: count}
			v, err := s.read(ctx, "", labelCurrent)
			if err == nil && v != nil {
				if id, _ := r.Settings.adminFor(v.Document); id != admin.arn && id != admin.name {
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			names = append(names, d.name)
		})
	}
	wg.Wait()
	slices.Sort(names)
	return names, nil
}

// isAdmin reports whether a secret is one that the settings name as an admin.
func (s Settings) isAdmin(d description) bool {
	return s.AdminSecretID != "" && (s.AdminSecretID == d.name || s.AdminSecretID == d.arn)
}
