package rotation

import (
	"errors"
	"sync"
)

// parallel runs the functions at once, waits for all, and joins their errors in
// the order given.
func parallel(fs ...func() error) error {
	errs := make([]error, len(fs))
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
