package pingone_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pingrotate/pingone"
)

// replies answers each token request with a token and any other with the same reply.
func replies(status int, header http.Header, body string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/as/token") && !strings.Contains(body, "access_token") {
			return response(r, 200, nil, `{"access_token":"a","token_type":"Bearer","expires_in":3600}`), nil
		}
		return response(r, status, header, body), nil
	}
}

func response(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// against returns a client of a service that is not PingOne.
func against(url string, transport http.RoundTripper) *pingone.Client {
	env := pingone.Environment{ID: someUUID, API: url, Auth: url}
	return &pingone.Client{
		Admin: pingone.Credential{Environment: env, ClientID: "admin", Secret: pingone.NewSecret(plain), Method: pingone.ClientSecretBasic},
		HTTP:  &http.Client{Transport: transport},
		Wait:  noWait,
	}
}

func TestARepliesFormDecidesWhetherItIsBelieved(t *testing.T) {
	const good = `{"secret":"` + plain + `"}`
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		outcome pingone.Outcome // of a mint
		read    bool            // whether a reader believes it
	}{
		{"as documented", 200, good, pingone.Applied, true},
		{"unknown members", 200, `{"secret":"` + plain + `","previous":null,"new":[1]}`, pingone.Applied, true},
		{"more than a mebibyte", 200, `{"secret":"` + plain + `","x":"` + strings.Repeat("x", 1<<20) + `"}`, pingone.Unknown, false},
		{"padded to more than a mebibyte", 200, good + strings.Repeat(" ", 1<<20), pingone.Unknown, false},
		{"a page", 200, "<html>" + plain + "</html>", pingone.Unknown, false},
		{"empty", 200, "", pingone.Unknown, false},
		{"cut", 200, good[:len(good)-1], pingone.Unknown, false},
		{"two values", 200, good + good, pingone.Unknown, false},
		{"no secret", 200, `{"environment":{"id":"` + plain + `"}}`, pingone.Unknown, false},
		{"empty secret", 200, `{"secret":""}`, pingone.Unknown, false},
		{"null secret", 200, `{"secret":null}`, pingone.Unknown, false},
		{"secret of another type", 200, `{"secret":["` + plain + `"]}`, pingone.Unknown, false},
		{"null", 200, `null`, pingone.Unknown, false},
		{"an array", 200, `["` + plain + `"]`, pingone.Unknown, false},
		{"previous without its end", 200, `{"secret":"a","previous":{"secret":"` + plain + `"}}`, pingone.Unknown, false},
		{"previous without a secret", 200, `{"secret":"` + plain + `","previous":{"expiresAt":"2026-01-01T00:00:00Z"}}`, pingone.Unknown, false},
		{"end of another form", 200, `{"secret":"` + plain + `","previous":{"secret":"a","expiresAt":1}}`, pingone.Unknown, false},
		{"another success", 201, good, pingone.Unknown, false},
		{"accepted", 202, "", pingone.Unknown, false},
		{"no content", 204, "", pingone.Unknown, false},
		{"a stranger's refusal", 403, "<html>" + plain + "</html>", pingone.Unknown, false},
		{"a stranger's JSON", 400, `{"message":"` + plain + `"}`, pingone.Unknown, false},
		{"PingOne's refusal", 400, `{"id":"x","code":"INVALID_DATA","message":"` + plain + `"}`, pingone.Refused, false},
		{"request timed out", 408, `{"code":"REQUEST_TIMEOUT"}`, pingone.Unknown, false},
		{"service failed", 500, `{"code":"UNEXPECTED_ERROR","message":"` + plain + `"}`, pingone.Unknown, false},
		{"code is no code", 400, `{"code":"` + plain + `","details":[{"code":"` + plain + `","target":"` + plain + `"}]}`, pingone.Refused, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := against("https://pingone.invalid", replies(tt.status, nil, tt.body))
			got := c.RegenerateSecret(t.Context(), someTarget, time.Time{})
			check(t, "outcome of a mint", got.Outcome, tt.outcome)
			live, err := c.ReadSecret(t.Context(), someTarget)
			if tt.read {
				check(t, "secret", live.Secret.Reveal(), plain)
				check(t, "instant of a reply without a date", live.AsOf.IsZero(), true)
				return
			}
			for _, err := range []error{err, got.Err} {
				if err == nil {
					t.Fatal("got no error, want one")
				}
				noLeak(t, err.Error(), plain)
			}
		})
	}
}

func TestWhichStatusIsTemporary(t *testing.T) {
	for status, want := range map[int]string{
		400: "", 401: "", 403: "forbidden", 404: "not found", 409: "", 415: "",
		408: "temporary", 429: "rate limit, temporary", 500: "temporary", 502: "temporary", 503: "temporary", 504: "temporary",
	} {
		c := against("https://pingone.invalid", replies(status, nil, `{"code":"SOME_CODE"}`))
		_, err := c.ReadSecret(t.Context(), someTarget)
		check(t, fmt.Sprint("answers for status ", status), answers(err), want)
	}
}

func TestAMintSaysInUTCHowLongTheOldSecretLives(t *testing.T) {
	for _, tt := range []struct {
		expires time.Time
		want    string
	}{
		{time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", -3600)), `{"previous":{"expiresAt":"2026-01-02T04:04:05Z"}}`},
		{time.Time{}, `{}`},
	} {
		var body, contentType string
		c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
			b, err := io.ReadAll(r.Body)
			body, contentType = string(b), r.Header.Get("Content-Type")
			resp, _ := replies(200, nil, `{"secret":"a"}`)(r)
			return resp, err
		}))
		c.RegenerateSecret(t.Context(), someTarget, tt.expires)
		check(t, "body", body, tt.want)
		check(t, "content type", contentType, "application/json")
	}
}

func TestAnApplicationWithoutIDOrProtocolIsNotBelieved(t *testing.T) {
	for _, body := range []string{`{}`, `{"id":"a"}`, `{"protocol":"OPENID_CONNECT"}`, `{"id":1,"protocol":"OPENID_CONNECT"}`} {
		c := against("https://pingone.invalid", replies(200, nil, body))
		if app, err := c.Application(t.Context(), someUUID, someUUID); err == nil {
			t.Errorf("%s: got %+v, want an error", body, app)
		}
	}
}

func TestATokenReplyMustBeABearerToken(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"no token", `{"access_token":"","token_type":"Bearer"}`},
		{"another type", `{"access_token":"` + plain + `","token_type":"DPoP"}`},
		{"no type", `{"access_token":"` + plain + `"}`},
		{"wrong types", `{"access_token":{"` + plain + `":1},"token_type":"Bearer"}`},
		{"expiry is no number", `{"access_token":"` + plain + `","token_type":"Bearer","expires_in":"soon"}`},
	} {
		c := against("https://pingone.invalid", replies(200, nil, tt.body))
		if _, err := c.Token(t.Context(), c.Admin, ""); err == nil {
			t.Errorf("%s: got a token, want an error", tt.name)
		} else {
			noLeak(t, err.Error(), plain)
		}
	}
}

func TestATokensLifeIsBelievedWithinReason(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		expiresIn string
		want      time.Duration
	}{{"60", time.Minute}, {"0", 0}, {"-60", 0}, {"9223372036854775807", 30 * 24 * time.Hour}} {
		c := against("https://pingone.invalid", replies(200, nil, `{"access_token":"a","token_type":"Bearer","expires_in":`+tt.expiresIn+`}`))
		c.Now = func() time.Time { return now }
		token, err := c.Token(t.Context(), c.Admin, "")
		if err != nil {
			t.Fatal(err)
		}
		check(t, "life for "+tt.expiresIn, token.ExpiresAt.Sub(now), tt.want)
	}
}

func TestARedirectIsNeverFollowed(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the stranger was called")
	}))
	defer stranger.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.RedirectHandler(stranger.URL, status))
		defer s.Close()
		for _, follow := range []*http.Client{nil, {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}} {
			c := against(s.URL, nil)
			c.HTTP = follow
			if _, err := c.Token(t.Context(), c.Admin, ""); err == nil {
				t.Errorf("status %d: got a token, want an error", status)
			}
		}
	}
}

func TestARedirectOfAMintLeavesItsOutcomeUnknown(t *testing.T) {
	c := against("https://pingone.invalid", replies(307, http.Header{"Location": {"https://stranger.invalid"}}, ""))
	got := c.RegenerateSecret(t.Context(), someTarget, time.Time{})
	check(t, "outcome", got.Outcome, pingone.Unknown)
}

func TestEachAttemptHasATimeLimit(t *testing.T) {
	var left time.Duration
	c := against("https://pingone.invalid", roundTripper(func(r *http.Request) (*http.Response, error) {
		deadline, _ := r.Context().Deadline()
		left = time.Until(deadline)
		return response(r, 400, nil, `{"error":"invalid_request"}`), nil
	}))
	if _, err := c.Token(t.Context(), c.Admin, ""); err == nil {
		t.Error("got a token, want an error")
	}
	if left <= 0 || left > pingone.CallTimeout {
		t.Errorf("got %v, want up to %v", left, pingone.CallTimeout)
	}
}

func TestAPlainServiceGetsNothingThroughTLS(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the service was called") }))
	defer s.Close()
	c := against(strings.Replace(s.URL, "http:", "https:", 1), nil)
	_, err := c.Token(t.Context(), c.Admin, "")
	if !pingone.IsTemporary(err) {
		t.Errorf("got %v, want a temporary error", err)
	}
}

// net/http quotes what it cannot parse.
func TestAReplyThatIsNotHTTPIsNotQuoted(t *testing.T) {
	for _, tt := range []struct{ name, reply string }{
		{"no status line", `{"access_token":"` + plain + `"}`},
		{"status that is no number", "HTTP/1.1 " + plain[:3] + " " + plain},
		{"header line", "HTTP/1.1 200 OK\r\n" + plain + "\r\n\r\n"},
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: " + plain + "\r\n\r\n"},
		{"chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + plain + "\r\n"},
		{"trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + plain + "\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := against("http://"+speak(t, tt.reply), nil)
			_, err := c.Token(t.Context(), c.Admin, "")
			if !pingone.IsTemporary(err) {
				t.Fatalf("got %v, want a temporary error", err)
			}
			noLeak(t, err.Error(), plain)
		})
	}
}

// speak listens on loopback, and answers the request on each connection with the text.
func speak(t *testing.T, text string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 64<<10))
			io.WriteString(conn, text)
			conn.Close()
		}
	}()
	return l.Addr().String()
}
