package consumer

import "time"

// SetClock sets the source's clock.
func (s *Source) SetClock(now func() time.Time) { s.now = now }
