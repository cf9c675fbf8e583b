package pingone

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// CallTimeout bounds one attempt, from its first byte out to its last byte in.
	CallTimeout = 10 * time.Second

	bodyLimit = 1 << 20
	attempts  = 4
)

// request is one call, ready to be sent as often as needed.
type request struct {
	op          string
	method      string
	url         string
	contentType string
	auth        string // the Authorization header
	body        string
	cookies     map[string]string
	success     int  // the one status that means success
	once        bool // not safe to repeat
	platform    bool // of the platform API, not of an environment's auth server
	final       bool // a 404 is an answer, also while Settle lasts

	// If a client sends the request for itself, its credential goes into the form, which
	// becomes the body, or into the header.
	form         url.Values
	authenticate authenticator
}

// reply is an answer whose whole body has been read.
type reply struct {
	status     int
	body       []byte
	date       time.Time // on PingOne's clock
	retryAfter time.Duration
	saysWhen   bool   // retryAfter is PingOne's
	location   string // where a redirect leads
	cookies    []*http.Cookie
}

// send makes one attempt. No other code talks to PingOne. The error is an *Error,
// unless no request could be built.
func (c *Client) send(ctx context.Context, r request) (*reply, error) {
	if r.authenticate != nil {
		form := maps.Clone(r.form)
		header, err := r.authenticate(form)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.op, err)
		}
		r.auth, r.body = header, form.Encode()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, CallTimeout,
		fmt.Errorf("none within %v: %w", CallTimeout, context.DeadlineExceeded))
	defer cancel()
	// Until there is a connection nothing can have reached PingOne; from then on
	// everything might have.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, strings.NewReader(r.body))
	if err != nil {
		return nil, unanswered(r.op, false, err)
	}
	for name, value := range map[string]string{
		"Accept":                         "application/json",
		"Authorization":                  r.auth,
		"Content-Type":                   r.contentType,
		"User-Agent":                     "pingrotate",
		"X-Ping-External-Transaction-ID": c.TransactionID,
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	for name, value := range r.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if c.Observe != nil {
		c.Observe(r.op, r.platform)
	}
	// net/http itself repeats a POST only when not a byte of it was written.
	resp, err := c.http().Do(req)
	if err != nil {
		return nil, unanswered(r.op, connected.Load(), preferCause(ctx, wordless(err)))
	}
	defer resp.Body.Close()
	if resp.StatusCode < http.StatusOK {
		// No request asked to switch protocols. The body is now the bare connection, which
		// ignores the context.
		return nil, malformed(r.op, &reply{status: resp.StatusCode})
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1))
	if err != nil {
		return nil, unanswered(r.op, true, preferCause(ctx, wordless(err)))
	}
	got := &reply{status: resp.StatusCode, body: body, location: resp.Header.Get("Location"), cookies: resp.Cookies()}
	got.date, _ = http.ParseTime(resp.Header.Get("Date"))
	got.retryAfter, got.saysWhen = retryAfter(resp.Header.Get("Retry-After"), got.date)
	if len(body) > bodyLimit {
		return nil, malformed(r.op, got)
	}
	if got.status != r.success {
		return nil, refusal(r.op, got)
	}
	if (got.status == http.StatusOK || got.status == http.StatusCreated) && !json.Valid(body) {
		return nil, malformed(r.op, got)
	}
	return got, nil
}

// preferCause returns why the context ended, if it did, instead of the transport's words
// for it.
func preferCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// do sends a request until it succeeds, is refused for good, or runs out of
// attempts or time. The error is the last that PingOne gave; if the context ended
// the wait for another attempt, it matches the context's error as well.
func (c *Client) do(ctx context.Context, r request) (*reply, error) {
	var waited time.Duration
	for attempt := 1; ; attempt++ {
		got, err := c.send(ctx, r)
		settling := IsNotFound(err) && !r.final && r.method != http.MethodDelete && waited < c.Settle
		again := settling || !r.once && attempt < attempts && IsTemporary(err)
		if err == nil || !again || ctx.Err() != nil {
			return got, err
		}
		wait, _ := RateLimit(err)
		wait = max(wait, backoff(attempt, rand.Float64()))
		if deadline, ok := ctx.Deadline(); ok && c.Time().Add(wait).After(deadline) {
			return nil, err
		}
		waited += wait
		if ended := c.Pause(ctx, wait); ended != nil {
			return nil, fmt.Errorf("%w (gave up waiting to repeat it: %w)", err, ended)
		}
	}
}

// backoff returns how long to wait after the attempt with this number has failed:
// 0.2 s, doubled each time up to 5 s, less up to a half by jitter (from 0 to 1), so
// that functions that failed together do not retry together.
func backoff(attempt int, jitter float64) time.Duration {
	d := 200 * time.Millisecond << min(max(attempt-1, 0), 5)
	d = min(d, 5*time.Second)
	return d - time.Duration(jitter*float64(d)/2)
}

// retryAfter reads a Retry-After header, which is a number of seconds or a date
// (RFC 9110, section 10.2.3). A date counts from now, the reply's date. A value that
// makes no sense, or is more than a day, is ignored.
func retryAfter(value string, now time.Time) (wait time.Duration, ok bool) {
	if s, err := strconv.Atoi(value); err == nil && s < 1<<20 {
		wait = time.Duration(s) * time.Second
	} else if t, err := http.ParseTime(value); err == nil && !now.IsZero() {
		wait = max(0, t.Sub(now))
	} else {
		return 0, false
	}
	if wait < 0 || wait > 24*time.Hour {
		return 0, false
	}
	return wait, true
}
