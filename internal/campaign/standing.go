package campaign

import "time"

// A Standing is a campaign's progress.
type Standing struct {
	Summary
	UnderWay int           // rotations
	Held     time.Duration // how long until another may begin, because PingOne asked to slow down
	Last     string        // the secret that ended last
}
