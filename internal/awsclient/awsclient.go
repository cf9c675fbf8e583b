// Package awsclient makes the HTTP client of the AWS SDK read replies to their end.
package awsclient

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Whole is an HTTP client for the SDK whose replies arrive whole, however large.
//
// The SDK closes the request's body as soon as a reply begins. From then on the body's
// WriteTo fails with EOF, by which net/http looks whether there is more to send, and the
// connection is closed in the middle of a large reply (aws/aws-sdk-go-v2#2737). Its
// Read does not fail.
type Whole struct{ aws.HTTPClient }

// Do sends the request.
func (w Whole) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body := r.Body
		r = r.WithContext(r.Context()) // a copy: the SDK's own stays as it is
		r.Body = struct{ io.ReadCloser }{body}
	}
	return w.HTTPClient.Do(r)
}
