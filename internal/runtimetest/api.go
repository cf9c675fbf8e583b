package runtimetest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// invocation is one event on its way to the function.
type invocation struct {
	id     string
	arn    string // by which the function is invoked
	event  []byte
	answer chan answer // takes the first answer only
}

type answer struct {
	body []byte
	err  error
}

func newInvocation(qualifier string, event []byte) *invocation {
	arn := FunctionARN
	if qualifier != "" {
		arn += ":" + qualifier
	}
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40 // version 4, RFC 9562 section 5.4
	b[8] = b[8]&0x3f | 0x80
	return &invocation{
		id:     fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]),
		arn:    arn,
		event:  event,
		answer: make(chan answer, 1),
	}
}

func (e *environment) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", e.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", e.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", e.serveInitError)
	return mux
}

func (e *environment) serveNext(w http.ResponseWriter, r *http.Request) {
	e.sample()
	e.mu.Lock()
	if e.init == 0 {
		e.init = time.Since(e.started)
		close(e.polled)
	}
	e.mu.Unlock()

	select {
	case inv := <-e.next:
		e.mu.Lock()
		e.running = inv
		e.mu.Unlock()
		now := e.now()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(now.Add(e.timeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
		h.Set("Lambda-Runtime-Trace-Id", fmt.Sprintf("Root=1-%08x-%.12x;Sampled=0", now.Unix(), rand.Text()))
		w.Write(inv.event)
	case <-r.Context().Done():
	}
}

func (e *environment) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	e.settle(w, r, answer{body, err})
}

func (e *environment) serveError(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err == nil {
		report := readReport(body)
		err = &FunctionError{report.Type, report.Message}
	}
	e.settle(w, r, answer{err: err})
}

// settle answers the running invocation, if the path has its id.
func (e *environment) settle(w http.ResponseWriter, r *http.Request, a answer) {
	e.sample()
	e.mu.Lock()
	inv := e.running
	known := inv != nil && inv.id == r.PathValue("id")
	if known {
		e.running = nil
	}
	e.mu.Unlock()
	if !known {
		refuse(w, http.StatusBadRequest, errorReport{"no such invocation is under way", "InvalidRequestID"})
		return
	}
	inv.answer <- a // before the reply: a process may exit as soon as it has the reply
	if a.err == errTooLarge {
		refuse(w, http.StatusRequestEntityTooLarge, errorReport{errTooLarge.Message, errTooLarge.Type})
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (e *environment) serveInitError(w http.ResponseWriter, r *http.Request) {
	body, _ := readBody(r)
	report := readReport(body)
	e.mu.Lock()
	e.failure = &InitError{report.Type, report.Message}
	e.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// errTooLarge is Lambda's error for an answer over the limit.
var errTooLarge = &FunctionError{
	Type:    "Function.ResponseSizeTooLarge",
	Message: fmt.Sprintf("the answer is larger than %d bytes", maxAnswer),
}

// readBody returns errTooLarge for a body over the limit. It reads even that to its end, so
// that the process sees the refusal and not a broken connection.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the process died while it sent
	}
	if len(body) > maxAnswer {
		return nil, errTooLarge
	}
	return body, nil
}

// errorReport is the form of an error in the Runtime API.
type errorReport struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// readReport uses a body in any other form as the message: a report of a failure must not
// be lost over its syntax.
func readReport(body []byte) errorReport {
	var report errorReport
	if json.Unmarshal(body, &report) != nil {
		return errorReport{Message: string(body), Type: "Unhandled"}
	}
	return report
}

func refuse(w http.ResponseWriter, status int, report errorReport) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(report)
}
