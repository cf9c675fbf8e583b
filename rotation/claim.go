package rotation

import "context"

// claimedBy is the key in a log line for who asked, in their own words. Lambda vouches only
// for the request id, which leads to the sender in CloudTrail.
const claimedBy = "claimedBy"

type requestKey struct{}

// WithRequestID returns a context for the invocation with this id. Reports include the id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}
