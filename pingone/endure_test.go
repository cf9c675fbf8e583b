package pingone_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/quiet"
	"pingrotate/pingone"
)

// Whatever a peer does with the connection, a call ends within its time, and its error is
// one line without the peer's words.
func TestAHostilePeerCostsNoMoreThanTheTimeOfACall(t *testing.T) {
	for _, kind := range fault.HostileKinds() {
		for _, mint := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, ", mint ", mint), func(t *testing.T) {
				w := newWorld(t)
				synctest.Test(t, func(t *testing.T) {
					var lines bytes.Buffer
					defer log.SetOutput(log.Writer())
					log.SetOutput(&quiet.Writer{Next: &lines, Strict: true})
					listener := &memory.Listener{}
					server := &http.Server{Handler: w, ErrorLog: log.New(io.Discard, "", 0)}
					go server.Serve(listener)
					transport := &http.Transport{DialContext: listener.DialContext, MaxResponseHeaderBytes: 64 << 10}
					w.client.HTTP, w.client.Wait = &http.Client{Transport: transport}, nil
					w.client.Now, w.client.Tokens = time.Now, new(pingone.TokenCache)
					w.warm(t)
					w.Before(func(c fault.Call) fault.Kind {
						if strings.HasSuffix(c.Operation, "application secret") {
							return kind
						}
						return fault.None
					})

					start := time.Now()
					var err error
					if mint {
						got := w.regenerate(t, time.Time{})
						err = got.Err
						switch kind {
						case fault.Unsolicited:
						case fault.Echo: // it is a refusal, whatever it says
							check(t, "outcome", got.Outcome, pingone.Refused)
						default:
							check(t, "outcome", got.Outcome, pingone.Unknown)
						}
					} else {
						_, err = w.read(t)
					}
					took := time.Since(start)
					switch {
					case kind == fault.Unsolicited && err != nil:
						t.Errorf("got %v, want the reply that came in time", err)
					case kind == fault.Unsolicited:
					case err == nil:
						t.Error("got no error, want one")
					case strings.Contains(err.Error(), "\n"):
						t.Errorf("got an error of several lines: %q", err)
					}
					// Four attempts with their pauses, or the one of a mint.
					if limit := 4*pingone.CallTimeout + 10*time.Second; took > limit || mint && took > pingone.CallTimeout {
						t.Errorf("took %v", took)
					}
					noLeak(t, fmt.Sprintf("%v %+v", err, err), append(w.Issued(), fault.Canary, fault.EchoedSecret)...)
					transport.CloseIdleConnections()
					server.Close()
					synctest.Wait()
					noLeak(t, lines.String(), fault.Canary, fault.EchoedSecret)
				})
			})
		}
	}
}

func TestNoErrorOfAConnectionHasThePeersWords(t *testing.T) {
	const canary = fault.Canary
	target := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	certificate := &x509.Certificate{DNSNames: []string{canary + ".example"}}
	for _, row := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("Forbidden " + canary)}, "proxyconnect tcp: the reply cannot be read"},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: target, Err: syscall.ECONNREFUSED}, "dial tcp 192.0.2.1:443: connection refused"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, "handshake failure"},
		{x509.HostnameError{Certificate: certificate, Host: "api.pingone.eu"}, "the certificate is for another host"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: certificate}}, "unknown authority"},
		{x509.CertificateInvalidError{Cert: certificate, Reason: x509.Expired, Detail: canary}, "has expired"},
		{x509.CertificateInvalidError{Cert: certificate, Reason: x509.NameMismatch, Detail: canary}, "not valid"},
		{tls.RecordHeaderError{Msg: canary}, "does not speak TLS"},
		{fmt.Errorf("malformed HTTP status code %q", canary), "cannot be read as HTTP"},
		{fmt.Errorf("http2: server sent GOAWAY and closed the connection; debug=%q", canary), "cannot be read as HTTP"},
		{errors.New("http: server closed idle connection"), "server closed idle connection"},
		{&net.DNSError{Err: "no such host", Name: "api.pingone.invalid"}, "no such host"},
		{context.DeadlineExceeded, "deadline exceeded"},
	} {
		c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: "https://" + canary, Err: row.err}
		}))
		_, err := c.ReadSecret(t.Context(), someTarget)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v: got %v, want %q in it", row.err, err, row.want)
		}
		check(t, fmt.Sprintf("%v: temporary", row.err), pingone.IsTemporary(err), true)
		noLeak(t, fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)), canary)
	}
}

func TestAnErrorOfTheCallersOwnTransportIsMatched(t *testing.T) {
	own := errors.New(fault.Canary)
	c := against("https://pingone.invalid", roundTripper(func(*http.Request) (*http.Response, error) { return nil, own }))
	_, err := c.ReadSecret(t.Context(), someTarget)
	check(t, "matches", errors.Is(err, own), true)
	noLeak(t, fmt.Sprint(err), fault.Canary)
}

func TestDeepAndWideRepliesAreReadInLinearTime(t *testing.T) {
	for _, body := range []string{
		strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 200_000), `{"secret":` + strings.Repeat("[", 1<<19) + strings.Repeat("]", 1<<19-20) + `}`,
		`{"a":1` + strings.Repeat(`,"a":1`, 150_000) + `}`,
	} {
		c := against("https://pingone.invalid", replies(200, nil, body))
		start := time.Now()
		if _, err := c.ReadSecret(t.Context(), someTarget); err == nil {
			t.Error("got no error, want one")
		}
		if took := time.Since(start); took > 5*time.Second { // four attempts; a second each would be far too slow already
			t.Errorf("took %v", took)
		}
	}
}
