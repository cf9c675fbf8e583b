package pingone_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/pingone"
)

// Without a connection that can be trusted nothing is sent. A mint is then known not to
// have happened, and no call takes more than its time.
func TestNothingIsSentWithoutATrustedConnection(t *testing.T) {
	wants := map[fault.Handshake]string{
		fault.NeverAnswers: "", fault.AnotherName: "for another host", fault.UnknownIssuer: "unknown authority", fault.Expired: "expired",
		fault.PlainHTTP: "HTTP response to HTTPS client", fault.HangsUp: "EOF",
	}
	for _, kind := range fault.Handshakes() {
		t.Run(kind.String(), func(t *testing.T) {
			trusted := fault.TrustedTLS() // its cache is filled outside the bubble
			synctest.Test(t, func(t *testing.T) {
				listener := &memory.Listener{}
				go kind.Serve(listener)
				defer listener.Close()
				transport := &http.Transport{DialContext: listener.DialContext, TLSClientConfig: trusted}
				defer transport.CloseIdleConnections()
				c := against("https://"+fault.HandshakeHost, roundTripper(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, "/as/token") {
						return response(r, 200, nil, `{"access_token":"a","token_type":"Bearer","expires_in":3600}`), nil
					}
					return transport.RoundTrip(r)
				}))
				c.Wait = nil
				start := time.Now()
				got := c.RegenerateSecret(t.Context(), someTarget, time.Time{})
				check(t, "outcome of a mint", got.Outcome, pingone.Refused)
				check(t, "a mint ends in time", time.Since(start) <= pingone.CallTimeout, true)
				start = time.Now()
				_, err := c.ReadSecret(t.Context(), someTarget)
				check(t, "a read ends in time", time.Since(start) <= 4*pingone.CallTimeout+10*time.Second, true)
				for _, err := range []error{got.Err, err} {
					if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), wants[kind]) {
						t.Errorf("got %v, want one line with %q", err, wants[kind])
					}
					noLeak(t, fmt.Sprintf("%v %+v", err, err), fault.Canary)
				}
			})
		})
	}
}
