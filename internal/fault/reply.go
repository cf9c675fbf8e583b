package fault

import "net/http"

// Reply is a whole answer.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Words are a service's own ways to say no, for the kinds that need them.
type Words struct {
	Throttled, Unavailable, Denied Reply
}
