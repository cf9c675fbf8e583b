package quiet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/quiet"
)

// printed returns what package log prints during a call, by way of a Writer.
func printed(strict bool, do func()) string {
	var lines bytes.Buffer
	before, flags := log.Writer(), log.Flags()
	log.SetOutput(&quiet.Writer{Next: &lines, Strict: strict})
	defer func() { log.SetOutput(before); log.SetFlags(flags) }()
	do()
	return lines.String()
}

// serve runs a call against a handler in a bubble, over a connection.
func serve(t *testing.T, handler http.Handler) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := &memory.Listener{}
		server := &http.Server{Handler: handler}
		go server.Serve(listener)
		transport := &http.Transport{DialContext: listener.DialContext}
		resp, err := (&http.Client{Transport: transport}).Get("http://peer/")
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		synctest.Wait()
		transport.CloseIdleConnections()
		server.Close()
		synctest.Wait()
	})
}

func TestAReplyThatNobodyAskedForStaysOutOfTheLog(t *testing.T) {
	for _, strict := range []bool{true, false} {
		line := &fault.Line{}
		line.Before(func(fault.Call) fault.Kind { return fault.Unsolicited })
		got := printed(strict, func() {
			serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				line.Answer(w, r, fault.Call{}, fault.Words{}, func() fault.Reply { return fault.Reply{Status: 200, Body: []byte("{}")} })
			}))
		})
		if !strings.Contains(got, "Unsolicited response received on idle HTTP channel") || strings.Contains(got, fault.Canary) {
			t.Errorf("got %q, want the line without the peer's words", got)
		}
	}
}

func TestAPanicIsLoggedWithItsStackAndWithoutItsValue(t *testing.T) {
	got := printed(true, func() {
		serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { explode(fault.Canary) }))
	})
	for _, want := range []string{"http: panic serving", "goroutine ", "quiet_test.explode(...)", "quiet_test.go:", "net/http.(*conn).serve"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s\nwant %q in it", got, want)
		}
	}
	if strings.Contains(got, fault.Canary) || strings.Contains(got, "0x") {
		t.Errorf("got %s\nwant no value in it", got)
	}
}

//go:noinline
func explode(value string) { panic(errors.New(value)) }

func TestTheReportOfAFailedInvocationPasses(t *testing.T) {
	const place = `,"stackTrace":[{"path":"a/b.go","line":7,"label":"f"}]`
	for _, row := range []struct{ line, message string }{
		{`{"errorMessage":"rotate: ` + "no" + `","errorType":"wrapError"}`, "rotate: no"},
		{`{"errorMessage":"` + fault.Canary + `","errorType":"errorString"` + place + `}`, "a panic; its value is withheld"},
		{`{"errorMessage":"runtime error: index out of range [5] with length 3","errorType":"boundsError"` + place + `}`, "runtime error: index out of range [5] with length 3"},
	} {
		got := printed(true, func() { log.SetFlags(0); log.Printf("%s", row.line) })
		var report map[string]any
		if err := json.Unmarshal([]byte(got), &report); err != nil || report["errorMessage"] != row.message {
			t.Errorf("%s: got %s, want the message %q", row.line, got, row.message)
		}
		if strings.Contains(row.line, "stackTrace") && !strings.Contains(got, `"path":"a/b.go","line":7`) {
			t.Errorf("%s: got %s, want the stack", row.line, got)
		}
	}
}

func TestWhichLinesPass(t *testing.T) {
	for _, row := range []struct {
		line   string
		strict bool
		passes bool
	}{
		{"calling the handler function resulted in a panic, the process should exit", true, true},
		{"pingone/orders: promoted", false, true},
		{"pingone/orders: promoted", true, false},
		{"2027/01/01 00:00:00 http2: server sent GOAWAY, debug=" + fault.Canary, false, false},
		{"http: TLS handshake error from 192.0.2.1: " + fault.Canary, false, false},
		{`{"errorMessage":"a","errorType":"b","more":"` + fault.Canary + `"}`, true, false},
		{`{"errorMessage":"a","errorType":"b"} ` + fault.Canary, true, false},
	} {
		got := printed(row.strict, func() { log.SetFlags(0); log.Print(row.line) })
		if (got == row.line+"\n") != row.passes || got == "" || strings.Contains(got, fault.Canary) {
			t.Errorf("%q, strict %t: got %q, want it passed on: %t", row.line, row.strict, got, row.passes)
		}
	}
	if got := printed(true, func() {
		log.SetFlags(0)
		log.Print(fmt.Sprint("x\ngoroutine 7 [running]:\nmain.f(0xc000, {0x1, 0x2})\n\t/a/b.go:3 +0x1f\n" + fault.Canary + "\n"))
	}); !strings.Contains(got, "goroutine 7:\nmain.f(...)\n\t/a/b.go:3") || strings.Contains(got, fault.Canary) {
		t.Errorf("got %q, want the stack and nothing else", got)
	}
}
