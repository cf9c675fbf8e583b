package trial

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// A passage is a proxy to PingOne's API on loopback that never delivers the reply to a
// regeneration: PingOne has carried it out, and the process that asked is killed.
type passage struct {
	api  string // base URL of PingOne's
	kill func()

	listener net.Listener
	server   *http.Server
	killed   atomic.Bool
}

// maxPassed is the most bytes of a body that is passed on.
const maxPassed = 4 << 20

func (p *passage) start() error {
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listen on loopback: %w", err)
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(p.listener)
	return nil
}

func (p *passage) close() { p.server.Close() }

func (p *passage) url() string { return "http://" + p.listener.Addr().String() }

// ServeHTTP passes a request on.
func (p *passage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPassed))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	target, err := url.Parse(p.api)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	target.Path, target.RawQuery = strings.TrimSuffix(target.Path, "/")+r.URL.Path, r.URL.RawQuery
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target.String(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header = r.Header.Clone()
	resp, err := (&http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Do(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxPassed))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/secret") && resp.StatusCode == http.StatusOK {
		p.killed.Store(true)
		p.kill()
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(resp.StatusCode)
	w.Write(reply)
}
