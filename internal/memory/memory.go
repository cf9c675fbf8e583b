// Package memory carries HTTP requests from a client to a handler within one process, for
// tests that need no sockets, such as those in a synctest bubble.
package memory

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
)

// A Transport carries requests to its handler, and fails as a socket would. A handler that
// aborts has closed the connection, before its reply or in the middle of it.
type Transport struct {
	Handler http.Handler

	// Pass, if not nil, holds a request back until it may continue. If it returns an error,
	// the request is not sent.
	Pass func(r *http.Request, body []byte) error
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	if t.Pass != nil {
		if err := t.Pass(r, body); err != nil {
			return nil, err
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	in := r.Clone(r.Context()) // so the handler sees that its caller has hung up
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.RemoteAddr = "192.0.2.1:1234"

	reply := httptest.NewRecorder()
	aborted := t.serve(reply, in)
	if r.Context().Err() != nil {
		return nil, context.Cause(r.Context())
	}
	if aborted && reply.Body.Len() == 0 {
		return nil, io.EOF
	}
	resp := reply.Result()
	resp.Request = r
	if aborted {
		resp.Body = io.NopCloser(io.MultiReader(resp.Body, brokenOff{}))
	}
	return resp, nil
}

// serve calls the handler, and reports whether it aborted.
func (t *Transport) serve(reply http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			aborted = true
		}
	}()
	t.Handler.ServeHTTP(reply, r)
	return false
}

// brokenOff follows the part of a reply that arrived.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
