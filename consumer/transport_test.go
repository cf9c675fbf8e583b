package consumer_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pingrotate/consumer"
	"pingrotate/internal/fault"
	"pingrotate/pingone/pingonetest"
)

// api is a server that accepts every token except those in refused, and records the
// requests.
type api struct {
	refused map[string]bool // Authorization
	got     []string        // method, host, Authorization, body
	redirect,
	to string // host and URL
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body.Close()
		body = string(b)
	}
	auth := r.Header.Get("Authorization")
	a.got = append(a.got, strings.TrimSpace(r.Method+" "+r.URL.Host+" "+auth+" "+body))
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}
	switch {
	case a.refused[auth]:
		resp.StatusCode = http.StatusUnauthorized
	case a.redirect == r.URL.Host:
		resp.StatusCode = http.StatusTemporaryRedirect
		resp.Header.Set("Location", a.to)
	}
	return resp, nil
}

// service returns an API, a client of it whose token is a minute old, and that token as the
// header has it.
func (w *world) service() (a *api, client *http.Client, bearer string) {
	a = &api{refused: map[string]bool{}}
	bearer = "Bearer " + w.token().AccessToken.Reveal()
	w.advance(time.Minute)
	return a, &http.Client{Transport: &consumer.Transport{Source: w.source, Base: a}}, bearer
}

func (a *api) check(t *testing.T, want ...string) {
	t.Helper()
	if len(a.got) != len(want) {
		t.Fatalf("the server got %d requests, want %d", len(a.got), len(want))
	}
	for i := range want {
		if a.got[i] != want[i] {
			t.Errorf("request %d is not the one wanted (method %.4s)", i+1, a.got[i]) // the request contains a token
		}
	}
}

func TestATransportPutsATokenOnARequest(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		a, client, bearer := w.service()
		r, _ := http.NewRequest("GET", "https://api.example/", nil)
		resp, err := client.Do(r)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("got %v, %v", resp, err)
		}
		if r.Header.Get("Authorization") != "" || resp.Request.Header.Get("Authorization") != "" {
			t.Error("the caller's request was changed")
		}
		a.check(t, "GET api.example "+bearer)
	})
}

func TestARefusedRequestIsSentAgainWithAnotherToken(t *testing.T) {
	for _, tt := range []struct {
		name  string
		body  io.Reader
		again bool
	}{
		{"without a body", nil, true},
		{"with a body that can be had again", strings.NewReader("order"), true},
		{"with a body that cannot", io.MultiReader(strings.NewReader("order")), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				a, client, bearer := w.service()
				a.refused[bearer] = true
				r, _ := http.NewRequest("POST", "https://api.example/", tt.body)
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body := ""
				if tt.body != nil {
					body = " order"
				}
				another := "Bearer " + w.token().AccessToken.Reveal()
				if another == bearer {
					t.Error("the token was not dropped")
				}
				if !tt.again {
					a.check(t, "POST api.example "+bearer+body)
					if resp.StatusCode != http.StatusUnauthorized {
						t.Errorf("got %d, want the server's 401", resp.StatusCode)
					}
					return
				}
				a.check(t, "POST api.example "+bearer+body, "POST api.example "+another+body)
				if resp.StatusCode != 200 {
					t.Errorf("got %d, want 200", resp.StatusCode)
				}
			})
		})
	}
}

// A server that refuses every token costs PingOne two requests a minute.
func TestAServerThatRefusesEveryTokenCostsTwoRequestsAMinute(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		_, client, _ := w.service()
		client.Transport.(*consumer.Transport).Base = roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 401, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		})
		asks := w.asks()
		for range 600 {
			w.advance(time.Second)
			resp, err := client.Get("https://api.example/")
			if err != nil || resp.StatusCode != 401 {
				t.Fatalf("got %v, %v, want the server's 401", resp, err)
			}
		}
		if n := w.asks() - asks; n != 20 {
			t.Errorf("requests for a token in ten minutes: got %d, want 20", n)
		}
	})
}

// TestNoTokenGoesByPlainHTTPButToLoopback: anyone who listens on the way could use it.
func TestNoTokenGoesByPlainHTTPButToLoopback(t *testing.T) {
	for to, sent := range map[string]bool{
		"https://api.example/": true, "http://127.0.0.1:8080/": true, "http://[::1]/": true, "http://localhost/": true,
		"http://api.example/": false, "HTTP://api.example/": false, "http://192.0.2.1/": false, "http://10.0.0.1/": false, "http://0.0.0.0/": false,
		"http://localhost.evil.example/": false, "http://127.0.0.1.evil.example/": false, "http://evil.example#@127.0.0.1/": false,
	} {
		t.Run(to, func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				a, client, _ := w.service()
				asks := w.asks()
				closed := false
				r, err := http.NewRequest("POST", to, closing{strings.NewReader("order"), &closed})
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.Do(r)
				switch {
				case sent && (err != nil || len(a.got) != 1 || !strings.Contains(a.got[0], "Bearer ")):
					t.Errorf("got %v after %d requests, want one with a token", err, len(a.got))
				case !sent && (!errors.Is(err, consumer.ErrPlainHTTP) || len(a.got) != 0 || w.asks() != asks || !closed):
					t.Errorf("got %v after %d requests, want a refusal before any, and the body closed: %t", err, len(a.got), closed)
				}
			})
		})
	}
}

func TestATokenStaysWithItsHost(t *testing.T) {
	for _, tt := range []struct {
		name, to, host string
		kept           bool
	}{
		{"the same host", "/other", "api.example", true},
		{"another host", "https://evil.example/", "evil.example", false},
		{"another port", "https://api.example:8443/", "api.example:8443", false},
		{"without TLS", "http://api.example/", "api.example", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				a, client, bearer := w.service()
				a.redirect, a.to = "api.example", tt.to
				client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
					if len(via) == 2 {
						return errors.New("enough")
					}
					return nil
				}
				if resp, err := client.Get("https://api.example/"); err == nil {
					resp.Body.Close()
				}
				second := "GET " + tt.host
				if tt.kept {
					second += " " + bearer
				}
				a.check(t, "GET api.example "+bearer, second)
			})
		})
	}
}

// Redirects from host to host are traced to their beginning; where that cannot be seen, the
// token is not sent.
func TestATokenDoesNotComeBackOnAThirdHop(t *testing.T) {
	for name, careless := range map[string]bool{"http.Transport": false, "a RoundTripper that does not say what it sent": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, anHour, func(w *world) {
				a, client, bearer := w.service()
				hops := map[string]string{"https://api.example/": "https://b.example/", "https://b.example/": "https://b.example/again"}
				client.Transport.(*consumer.Transport).Base = roundTripper(func(r *http.Request) (*http.Response, error) {
					a.redirect, a.to = "", hops[r.URL.String()]
					if a.to != "" {
						a.redirect = r.URL.Host
					}
					resp, err := a.RoundTrip(r)
					if careless {
						resp.Request = nil
					}
					return resp, err
				})
				if _, err := client.Get("https://api.example/"); err != nil {
					t.Fatal(err)
				}
				a.check(t, "GET api.example "+bearer, "GET b.example", "GET b.example")
			})
		})
	}
}

// A token that is too young to be dropped is not shown to the same server twice.
func TestARefusedRequestIsNotSentAgainWithTheSameToken(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		bearer := "Bearer " + w.token().AccessToken.Reveal()
		a := &api{refused: map[string]bool{bearer: true}}
		client := &http.Client{Transport: &consumer.Transport{Source: w.source, Base: a}}
		resp, err := client.Get("https://api.example/")
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			t.Fatalf("got %v, %v, want the server's 401", resp, err)
		}
		a.check(t, "GET api.example "+bearer)
	})
}

type closing struct {
	io.Reader
	closed *bool
}

func (c closing) Close() error { *c.closed = true; return nil }

func TestWithoutATokenTheRequestIsNotSent(t *testing.T) {
	inBubble(t, anHour, func(w *world) {
		w.ping.Before(down(pingonetest.OpToken, fault.Unavailable))
		a, closed := &api{}, false
		client := &http.Client{Transport: &consumer.Transport{Source: w.source, Base: a}}
		r, _ := http.NewRequest("POST", "https://api.example/", closing{strings.NewReader("order"), &closed})
		_, err := client.Do(r)
		if err == nil || !strings.Contains(err.Error(), "obtain a token") {
			t.Errorf("got %v, want why there is no token", err)
		}
		if !closed {
			t.Error("the body was not closed")
		}
		a.check(t)
	})
}
