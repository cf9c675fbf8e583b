package campaign

import "time"

// A Standing is a campaign's progress.
type Standing struct {
	Summary
	UnderWay int           // rotations
	Held     time.Duration // how long until another may begin, because PingOne asked to slow down
	Last     string        // the secret that ended last
	Waiting  []Waiting     // secrets that are tried again, the first of them first
}

// A Waiting is a secret that is tried again.
type Waiting struct {
	Secret string
	Until  time.Time
	Why    string // such as "another rotation is under way"
}
