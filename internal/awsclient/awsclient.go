// Package awsclient makes the HTTP client of the AWS SDK read replies to their end, and
// no further, and copies what a service says out of the SDK's errors.
package awsclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Whole is an HTTP client for the SDK whose replies arrive whole, however large.
//
// The SDK closes the request's body as soon as a reply begins. From then on the body's
// WriteTo fails with EOF, by which net/http looks whether there is more to send, and the
// connection is closed in the middle of a large reply (aws/aws-sdk-go-v2#2737). Its
// Read does not fail.
//
// It refuses a reply that switches protocols: no time limit of a client holds for what
// follows that.
type Whole struct{ aws.HTTPClient }

// Do sends the request.
func (w Whole) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body := r.Body
		r = r.WithContext(r.Context()) // a copy: the SDK's own stays as it is
		r.Body = struct{ io.ReadCloser }{body}
	}
	resp, err := w.HTTPClient.Do(r)
	if err == nil && resp.StatusCode < http.StatusOK {
		resp.Body.Close()
		return nil, errEndless
	}
	return resp, err
}

// MaxReply is how many bytes of a reply are read. The longest that services of AWS send
// to this program are pages of 1 MB, before they are encoded.
const MaxReply = 4 << 20

// Limited is a [Whole] in which a request ends within its time, the reply's body included,
// for the invocation's deadline alone would let one that hangs use it all up. It refuses a
// reply that no service of AWS gives: one that switches protocols, whose body would not end
// at any deadline, one that is encoded without being asked for, and one that is longer
// than [MaxReply].
type Limited struct {
	aws.HTTPClient
	Time time.Duration
}

// Do sends the request.
func (l Limited) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), l.Time)
	resp, err := Whole{l.HTTPClient}.Do(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if err := refuse(resp); err != nil {
		resp.Body.Close()
		cancel()
		return nil, err
	}
	resp.Body = &bounded{resp.Body, cancel, MaxReply}
	return resp, nil
}

// refuse says why a reply is not worth reading. What was compressed because net/http asked
// for it has been unpacked, and says so no more.
func refuse(resp *http.Response) error {
	switch encoding := resp.Header.Get("Content-Encoding"); {
	case resp.StatusCode < http.StatusOK:
		return errEndless
	case encoding != "" && encoding != "identity":
		return errors.New("a reply in an encoding that was not asked for")
	}
	return nil
}

var (
	errEndless = errors.New("a reply without an end")
	errTooLong = errors.New("a reply that is too long")
)

// bounded is a body that fails after so many bytes, and whose end ends its request.
type bounded struct {
	io.ReadCloser
	cancel context.CancelFunc
	left   int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

func (b *bounded) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
