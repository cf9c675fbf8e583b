package consumer

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"pingrotate/pingone"
)

// A Transport puts a token of Source on each request. It is safe for concurrent use.
//
// When a server answers 401, the token is dropped, and the request sent once more with a
// new token, if there is one and if the body can be read again, as it can when
// http.NewRequest knows its type (Request.GetBody). Otherwise the caller gets the 401.
//
// The token goes only to the host that the caller has chosen. A request that follows a
// redirect to another host, or from https to http, goes out without it. The transport
// sends no token over plain http except to this machine: the request fails with
// [ErrPlainHTTP].
type Transport struct {
	Source *Source

	// Base sends the requests. Nil means http.DefaultTransport.
	Base http.RoundTripper
}

// ErrPlainHTTP is in the error of a request that would have carried a token over plain
// http to another machine, where a listener could use it. See RFC 6750, section 5.3.
var ErrPlainHTTP = errors.New("a token is sent only by https, or by http to a loopback host")

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if ledAway(r) {
		return t.base().RoundTrip(r)
	}
	if !private(r.URL) {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, ErrPlainHTTP
	}
	token, err := t.Source.Token(r.Context())
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	resp, err := t.send(r, r.Body, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	t.Source.Invalidate(token)
	bodyless := r.Body == nil || r.Body == http.NoBody
	if !bodyless && r.GetBody == nil {
		return resp, nil
	}
	another, err := t.Source.Token(r.Context())
	if err != nil || another.AccessToken.Equal(token.AccessToken) {
		return resp, nil
	}
	body := r.Body
	if !bodyless {
		if body, err = r.GetBody(); err != nil {
			return resp, nil
		}
	}
	io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be reused
	resp.Body.Close()
	return t.send(r, body, another)
}

// send sends a copy of the request with the token, because a RoundTripper must not change
// the request itself.
func (t *Transport) send(r *http.Request, body io.ReadCloser, token pingone.Token) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.Body = body
	out.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	resp, err := t.base().RoundTrip(out)
	if resp != nil {
		resp.Request = r // so that ledAway finds the first request, and no other host gets the token
	}
	return resp, err
}

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	return http.DefaultTransport
}

// private reports whether no one on the way can read a request to the URL: it uses https,
// or stays on this machine.
func private(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// ledAway reports whether redirects have led the request away from where its caller
// sent the first one.
func ledAway(r *http.Request) bool {
	first := r
	for first.Response != nil {
		if first = first.Response.Request; first == nil {
			return true
		}
	}
	return r.URL.Host != first.URL.Host || first.URL.Scheme == "https" && r.URL.Scheme != "https"
}
