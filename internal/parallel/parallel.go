// Package parallel runs independent calls at once.
package parallel

import (
	"errors"
	"sync"
)

// Do runs the functions at once, waits for all of them, and joins their errors in the order
// of the functions.
func Do(fs ...func() error) error {
	errs := make([]error, len(fs))
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
