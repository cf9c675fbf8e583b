package pingone

var (
	Backoff    = backoff
	RetryAfter = retryAfter
)
