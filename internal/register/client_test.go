package register_test

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"pingrotate/internal/memory"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

// A sender is an HTTP client made of a function, with which a test sees each request.
type sender func(*http.Request) (*http.Response, error)

func (s sender) Do(r *http.Request) (*http.Response, error) { return s(r) }

func through(s *registertest.Server, do func(send sender) sender) *register.Table {
	return &register.Table{Name: tableName, Connection: register.Connection{
		Region:      "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
		HTTPClient:  do((&http.Client{Transport: &memory.Transport{Handler: s}}).Do),
	}}
}

// TestALateLookAtTheRequestDoesNotEndTheReply: while a reply arrives, net/http looks
// whether the request has more to send, though the SDK has closed it. An error there closes
// the connection (aws/aws-sdk-go-v2#2737).
func TestALateLookAtTheRequestDoesNotEndTheReply(t *testing.T) {
	s := registertest.Within(t)
	s.CreateTable(tableName, "subject", "entry", "expires")
	var body io.Reader
	table := through(s, func(send sender) sender {
		return func(r *http.Request) (*http.Response, error) {
			body = r.Body
			return send(r)
		}
	})
	ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
	if n, err := io.Copy(io.Discard, body); n != 0 || err != nil {
		t.Errorf("got %d bytes and %v, want nothing more", n, err)
	}
}

// TestNoReplyIsReadWithoutEnd: a reply that switches protocols has a body that no deadline
// ends, and a reply may be longer than any of DynamoDB's.
func TestNoReplyIsReadWithoutEnd(t *testing.T) {
	for what, reply := range map[string]func(*http.Response){
		"switches protocols": func(r *http.Response) { r.StatusCode, r.Body = http.StatusSwitchingProtocols, endless{} },
		"too long":           func(r *http.Response) { r.Body = endless{} },
	} {
		t.Run(what, func(t *testing.T) {
			s := registertest.Within(t)
			s.CreateTable(tableName, "subject", "entry", "expires")
			table := through(s, func(send sender) sender {
				return func(r *http.Request) (*http.Response, error) {
					resp, err := send(r)
					if err == nil {
						reply(resp)
					}
					return resp, err
				}
			})
			_, err := table.Fetch(t.Context(), key)
			failed(t, err, register.OutOfReach)
		})
	}
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat(" ", len(p))), nil }

func (endless) Close() error { return nil }

// TestErrorsRepeatNothingOfAReply: a proxy on the way may answer with anything.
func TestErrorsRepeatNothingOfAReply(t *testing.T) {
	const canary = "canary-7f3a"
	for what, change := range map[string]func(*http.Response){
		"code": func(r *http.Response) {
			r.Body = io.NopCloser(strings.NewReader(`{"__type":"` + canary + `","message":"` + canary + `"}`))
		},
		"message": func(r *http.Response) {
			r.Body = io.NopCloser(strings.NewReader(`{"__type":"AccessDeniedException","message":"` + canary + `"}`))
		},
		"page":       func(r *http.Response) { r.Body = io.NopCloser(strings.NewReader(`<html>` + canary)) },
		"request id": func(r *http.Response) { r.Header.Set("X-Amzn-Requestid", canary+"\n") },
	} {
		t.Run(what, func(t *testing.T) {
			s := registertest.Within(t)
			table := through(s, func(send sender) sender {
				return func(r *http.Request) (*http.Response, error) {
					resp, err := send(r) // there is no table
					if err == nil {
						resp.Header.Del("X-Amzn-Errortype")
						change(resp)
					}
					return resp, err
				}
			})
			_, err := table.Fetch(t.Context(), key)
			if err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v, want an error without what the reply said", err)
			}
		})
	}
}

func TestClientIsMadeWhenFirstNeeded(t *testing.T) {
	var zero register.Table
	_, err := zero.Fetch(t.Context(), key)
	failed(t, err, register.NoName)
	if got := reflect.ValueOf(&zero).Elem().FieldByName("calls"); !got.IsNil() {
		t.Error("a client was made for nothing")
	}
}
