package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/register"
	"pingrotate/internal/remedy"
)

const (
	// searchTime is how long an emergency looks for other managed secrets of its client. A
	// leak that has a thousand secrets beside it must not wait for all of them.
	searchTime = 40 * time.Second

	// searchKept is how long what a search has found serves other emergencies as well. A
	// list of the secrets may be as old.
	searchKept = 5 * time.Minute

	secretReaders = 16
)

// searchHolders enters the managed secrets of the client that the register does not know:
// they hold the secret that is about to end. Where the item is new, or was lost with all
// that stood beside it, no audit may have entered them.
func (r *run) searchHolders(ctx context.Context) error {
	if !r.item().MayMiss(r.client.Time()) {
		return nil
	}
	found, complete, err := r.Rotator.holders(ctx, r.count)
	if err != nil {
		r.record.warn("the register does not know yet whether other managed secrets hold the same client, and they could not be looked for: %s", remedy.Line(err))
		return nil
	}
	if !complete {
		r.record.warn("the register does not know yet which other managed secrets hold the same client, and there was no time to look at all; consumers of one that was not found are locked out until an audit or a rotation of it")
	}
	var arns []string
	for _, id := range r.applications() {
		for _, arn := range found[register.Key{EnvironmentID: r.found.current.EnvironmentID, ID: id}] {
			if arn == r.secret.arn || r.mayHold(ctx, arn) {
				arns = append(arns, arn)
			}
		}
	}
	for _, arn := range arns {
		r.count.register.Add(1)
		if err := r.hold.table.PutHolder(ctx, r.hold.key, arn); err != nil {
			return err
		}
	}
	err = r.hold.settle(ctx, func(item register.Item) register.Item {
		for _, arn := range arns {
			item = item.Holds(arn)
		}
		item.Searched = complete
		return item
	}, false)
	if err != nil && !errors.Is(err, register.ErrOvertaken) {
		return fmt.Errorf("enter the managed secrets that hold the client in the register: %w", err)
	}
	return nil
}

// mayHold reports whether another managed secret may hold the client that its document
// names: an admin allows it to, or could not be asked. A document may claim any client, and
// one that is not allowed to must neither get its secret nor hold up those who are.
func (r *run) mayHold(ctx context.Context, arn string) bool {
	n := r.Rotator.begin(arn, r.by, r.what, "")
	n.count, n.secret.count, n.client.Observe = r.count, r.count, r.count.observe
	err := n.readSecret(ctx)
	if err == nil {
		err = n.authorize(ctx)
	}
	return !denial(err)
}

// holders returns which of the function's secrets hold which client, as far as there is
// time to look at them. One that cannot be read holds none that it can rotate.
func (r *Rotator) holders(ctx context.Context, count *counter) (found map[register.Key][]string, complete bool, err error) {
	now := r.PingOne.Time()
	if s, ok := r.searched.last(); ok && now.Sub(s.at) < searchKept {
		return s.clients, s.complete, nil
	}
	limited, cancel := context.WithDeadline(ctx, now.Add(searchTime))
	defer cancel()
	all, err := r.list(limited, count)
	if err != nil {
		return nil, false, err
	}
	found = map[register.Key][]string{}
	var mu sync.Mutex
	looked := r.each(limited, count, all, func(d description, v *document.Document, _ error) {
		if v == nil || v.ApplicationID() == "" {
			return
		}
		key := register.Key{EnvironmentID: v.EnvironmentID, ID: v.ApplicationID()}
		mu.Lock()
		defer mu.Unlock()
		found[key] = append(found[key], d.arn)
	})
	for _, arns := range found {
		slices.Sort(arns)
	}
	complete = looked == len(all)
	r.searched.keep(search{now, found, complete})
	return found, complete, nil
}

// each reads AWSCURRENT of the secrets, several at once, and returns how many there was
// time for.
func (r *Rotator) each(ctx context.Context, count *counter, all []description, look func(description, *document.Document, error)) (looked int) {
	var wg sync.WaitGroup
	free := make(chan struct{}, secretReaders)
	for _, d := range all {
		if ctx.Err() != nil || !timeFor(ctx, &r.PingOne, 0) {
			break
		}
		free <- struct{}{}
		looked++
		wg.Go(func() {
			defer func() { <-free }()
			s := &secret{api: r.Secrets, id: d.arn, count: count}
			v, err := s.read(ctx, "", labelCurrent)
			if v == nil {
				look(d, nil, err)
				return
			}
			look(d, v.Document, err)
		})
	}
	wg.Wait()
	return looked
}

// A search is what an emergency has found of the function's secrets. It is not changed
// afterwards.
type search struct {
	at       time.Time
	clients  map[register.Key][]string
	complete bool
}

// searches keeps the last search. Two emergencies at once may both search: neither waits
// for the other.
type searches struct {
	mu    sync.Mutex
	found *search
}

func (s *searches) last() (search, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		return search{}, false
	}
	return *s.found, true
}

func (s *searches) keep(found search) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = &found
}
