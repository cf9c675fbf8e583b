package playground

import "time"

// A LogLine is one line of a log, and when it was written.
type LogLine struct {
	At   time.Time
	Text string
}
