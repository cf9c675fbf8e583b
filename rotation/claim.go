package rotation

import "context"

// claimedBy is the member of a log line that says who asked, in their own words. What
// Lambda knows is the request id beside it: CloudTrail has who sent that request.
const claimedBy = "claimedBy"

type requestKey struct{}

// WithRequestID returns a context for an invocation with this id, which reports repeat.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}
