// Package awsclient makes the AWS SDK's HTTP client read replies to their end, and no
// further, and copies what a service says out of the SDK's errors.
package awsclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Whole is an HTTP client for the SDK that receives replies whole, however large.
//
// The SDK closes the request's body as soon as a reply begins. From then on the body's
// WriteTo, by which net/http looks for more to send, fails with EOF, and net/http closes
// the connection in the middle of a large reply (aws/aws-sdk-go-v2#2737). The body's Read
// does not fail.
//
// It refuses a reply that switches protocols: no time limit of a client covers what
// follows.
type Whole struct{ aws.HTTPClient }

// Do sends the request.
func (w Whole) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body := r.Body
		r = r.WithContext(r.Context()) // a copy: the SDK's request stays as it is
		r.Body = struct{ io.ReadCloser }{body}
	}
	resp, err := w.HTTPClient.Do(r)
	if err == nil && resp.StatusCode < http.StatusOK {
		resp.Body.Close()
		return nil, errEndless
	}
	return resp, err
}

// MaxReply is how many bytes of a reply are read. The longest replies of AWS services to
// this program are pages of 1 MB, before they are encoded.
const MaxReply = 4 << 20

// Limited is a [Whole] that ends a request within its time, the reply's body included:
// under the invocation's deadline alone, one hanging request would use up all of it. It
// refuses replies that no AWS service gives: one that switches protocols, whose body would
// not end at any deadline; one in an encoding that was not asked for; and one longer than
// [MaxReply].
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

// refuse says why a reply is not worth reading. If net/http itself asked for compression,
// it has unpacked the reply and removed the header.
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

// bounded is a body that fails after this many bytes. Closing it ends the request.
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
