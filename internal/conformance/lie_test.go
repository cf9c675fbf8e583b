package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

type object = map[string]any

// An exchange is a request to PingOne with its reply, on its way through a liar.
type exchange struct {
	method string
	path   string // below the environment's, or "token" and the like
	query  url.Values
	header http.Header
	body   object     // of a request in JSON
	form   url.Values // of one in a form
	pass   func(*exchange)

	// Set once it has been passed on.
	status  int
	answer  object
	replied http.Header
}

// A lie makes one belief false. It answers instead of the service, or passes the exchange
// on and changes something before or afterwards.
type lie func(e *exchange)

// A liar is a transport with a lie in it.
type liar struct {
	next        http.RoundTripper
	environment string
	lie         lie
}

func (l *liar) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	e := &exchange{method: r.Method, query: r.URL.Query(), header: r.Header}
	e.path = strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/v1/environments/"+l.environment), "/"+l.environment+"/as/")
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		e.path = operation
	}
	json.Unmarshal(sent, &e.body)
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if form {
		e.form, _ = url.ParseQuery(string(sent))
	}
	e.pass = func(e *exchange) {
		body := sent
		switch {
		case form:
			body = []byte(e.form.Encode())
		case e.body != nil:
			body, _ = json.Marshal(e.body)
		}
		next := r.Clone(r.Context())
		next.URL.RawQuery = e.query.Encode()
		next.Body, next.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		var resp *http.Response
		if resp, err = l.next.RoundTrip(next); err != nil {
			return
		}
		defer resp.Body.Close()
		var got []byte
		if got, err = io.ReadAll(resp.Body); err != nil {
			return
		}
		e.status, e.replied, e.answer = resp.StatusCode, resp.Header, nil
		json.Unmarshal(got, &e.answer)
	}
	l.lie(e)
	if err != nil {
		return nil, err
	}
	if e.replied == nil {
		e.replied = http.Header{}
	}
	var body []byte
	if e.answer != nil {
		body, _ = json.Marshal(e.answer)
	}
	e.replied.Set("Content-Length", fmt.Sprint(len(body)))
	if sum := e.replied.Get("X-Amz-Crc32"); sum != "" && sum != "0" {
		e.replied.Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(body)))
	}
	return &http.Response{
		StatusCode: e.status, Status: http.StatusText(e.status), Header: e.replied, Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// is reports whether the exchange is of a kind. In the pattern, * matches an id.
func (e *exchange) is(method, pattern string) bool {
	ok, err := path.Match(pattern, e.path)
	return err == nil && ok && e.method == method
}

// at returns the text at a path into the answer.
func (e *exchange) at(names ...string) string {
	var v any = e.answer
	for _, name := range names {
		switch node := v.(type) {
		case object:
			v = node[name]
		case []any:
			v = nil
			if len(node) > 0 && name == "0" {
				v = node[0]
			}
		default:
			return ""
		}
	}
	s, _ := v.(string)
	return s
}

// set changes a member of an object in the answer, which must be there.
func (e *exchange) set(value any, names ...string) {
	node := e.answer
	for _, name := range names[:len(names)-1] {
		if list, ok := node[name].([]any); ok && len(list) > 0 {
			node, _ = list[0].(object)
			continue
		}
		node, _ = node[name].(object)
	}
	if node != nil {
		node[names[len(names)-1]] = value
	}
}

func (e *exchange) become(status int, answer object) { e.status, e.answer = status, answer }

// bearer returns the client whose access token the request has, and the token.
func (e *exchange) bearer() (client, token string) {
	token, _ = strings.CutPrefix(e.header.Get("Authorization"), "Bearer ")
	return tokenClaim(token, "client_id"), token
}

func tokenClaim(token, name string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	var claims object
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	json.Unmarshal(text, &claims)
	s, _ := claims[name].(string)
	return s
}

// basic returns the client id and secret of the request's Basic credential, as sent.
func (e *exchange) basic() (id, secret string) {
	id, secret, _ = (&http.Request{Header: e.header}).BasicAuth()
	return id, secret
}

// refused turns a refusal of one kind of call into a success.
func refused(method, pattern string, status int, detail string) lie {
	return func(e *exchange) {
		e.pass(e)
		if e.is(method, pattern) && e.status == status && (detail == "" || e.at("details", "0", "code") == detail) {
			e.become(map[string]int{"POST": 201, "DELETE": 204}[method], nil)
			if method == "GET" {
				e.become(200, object{})
			}
			if method == "POST" {
				e.answer = object{"id": "99999999-9999-4999-8999-999999999999"}
			}
		}
	}
}

// replying changes the answer to one kind of call that succeeded.
func replying(method, pattern string, change func(*exchange)) lie {
	return func(e *exchange) {
		e.pass(e)
		if e.is(method, pattern) && e.status/100 == 2 {
			change(e)
		}
	}
}

// asking changes one kind of call before the service sees it.
func asking(method, pattern string, change func(*exchange)) lie {
	return func(e *exchange) {
		if e.is(method, pattern) {
			change(e)
		}
		e.pass(e)
	}
}
