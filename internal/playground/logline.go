package playground

import "time"

// A LogLine is one line, and when it was written.
type LogLine struct {
	At   time.Time
	Text string
}
