package fault

import "net/http"

// Reply is a complete response.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Words are a service's refusals, for the kinds that need them.
type Words struct {
	Throttled, Unavailable, Denied Reply
}
