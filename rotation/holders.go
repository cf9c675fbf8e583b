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
	// searchTime is how long an emergency searches for other managed secrets of its client.
	// It must not wait until every secret of a large fleet has been read.
	searchTime = 40 * time.Second

	// searchKept is how long other emergencies may use the result of a search. ListSecrets
	// may be just as old.
	searchKept = 5 * time.Minute

	secretReaders = 16
)

// searchHolders adds to the register the managed secrets of the client that are missing there,
// because they hold the secret that is about to end. If the item is new, or was lost together
// with its rows, no audit may have added them yet.
func (r *run) searchHolders(ctx context.Context) error {
	if !r.item().MayMiss(r.client.Time()) {
		return nil
	}
	found, complete, err := r.Rotator.holders(ctx, r.count)
	if err != nil {
		r.record.warn("the register does not know yet whether other managed secrets hold the same client, and the search for them failed: %s", remedy.Line(err))
		return nil
	}
	if !complete {
		r.record.warn("the register does not know yet which other managed secrets hold the same client, and there was no time to look at every secret; consumers of one that was missed are locked out until an audit reaches it or it is rotated")
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
// names: the admin's owner allows it, or that could not be determined. A document may claim
// any client; one whose claim is not allowed must neither get that client's secret nor
// delay those that hold it.
func (r *run) mayHold(ctx context.Context, arn string) bool {
	n := r.Rotator.begin(arn, r.by, r.what, "")
	n.count, n.secret.count, n.client.Observe = r.count, r.count, r.count.observe
	err := n.readSecret(ctx)
	if err == nil {
		err = n.authorize(ctx)
	}
	return !denial(err)
}

// holders returns which of the function's secrets hold which client, and whether there was
// time to look at all of them. A secret that cannot be read is left out, since it cannot be
// rotated either.
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

// each reads AWSCURRENT of the secrets, several at once, and calls look with each result. It
// returns how many there was time for.
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

// A search is what an emergency found out about the function's secrets. It is immutable.
type search struct {
	at       time.Time
	clients  map[register.Key][]string
	complete bool
}

// searches keeps the last search. Two emergencies at once may both search, so that neither
// waits for the other.
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
