package campaign

import "time"

// A Standing is how far a campaign has come.
type Standing struct {
	Summary
	UnderWay int           // rotations
	Held     time.Duration // how long nothing begins yet, because PingOne asked to slow down
	Last     string        // the secret that ended last
}
