package campaign

import "time"

// A job is a secret whose rotation has not ended yet.
type job struct {
	secret     string
	token      string
	notBefore  time.Time
	busy, lost int    // tries
	why        string // it was put back; "" in the first try
}
