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
	// The handler sees that its caller has hung up.
	ctx, hangUp := context.WithCancel(r.Context())
	in := r.Clone(ctx)
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.RemoteAddr = "192.0.2.1:1234"

	type outcome struct {
		reply   *httptest.ResponseRecorder
		aborted bool
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{reply: httptest.NewRecorder(), aborted: true}
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
			done <- o
		}()
		t.Handler.ServeHTTP(o.reply, in)
		o.aborted = false
	}()
	select {
	case <-r.Context().Done():
		hangUp()
		<-done
		return nil, context.Cause(r.Context())
	case o := <-done:
		hangUp()
		if o.aborted && o.reply.Body.Len() == 0 {
			return nil, io.EOF
		}
		resp := o.reply.Result()
		resp.Request = r
		if o.aborted {
			resp.Body = io.NopCloser(io.MultiReader(resp.Body, brokenOff{}))
		}
		return resp, nil
	}
}

// brokenOff follows the part of a reply that arrived.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
