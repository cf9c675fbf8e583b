// Package quiet keeps a peer's words out of a log.
//
// net/http prints some lines through package log, and only the log's destination can change
// them. One quotes what a server sends unasked on an idle connection, which may be a late
// reply with a secret. Others quote the value of a panic.
package quiet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"pingrotate/internal/lazyregexp"
)

// A Writer passes on what package log writes, line by line, without the words of peers and
// of panics.
type Writer struct {
	Next io.Writer

	// Strict withholds every line that the Writer does not know, for a program that prints
	// only through package slog. Otherwise, only the known lines of libraries are withheld.
	Strict bool
}

// known are the beginnings of lines that libraries print, up to where a peer's words can
// begin.
var known = []string{
	"Unsolicited response received on idle HTTP channel",
	"http: panic serving",
	"http: TLS handshake error",
	"http: superfluous response.WriteHeader call",
	"http: response.WriteHeader on hijacked connection",
	"http: Accept error",
	"http: URL query contains semicolon",
	"http: CloseIdleConnections",
	"http: proxy error",
	"http: suppressing panic for copyResponse error",
	"httputil: ReverseProxy",
	"http2: ",
	"http1: ",
	"net/http: ",
	"tls: ",
	"protocol error: received",
	"error in h2 stack",
	"invalid Content-Length header",
	"suppressing Transport.", // of net/http's HTTP/2
	"Transport received ",
	"Transport failed ",
	"Transport closing ",
	"Encoder sent ",
	"RoundTrip failure",
	"RoundTrip retrying",
	"SDK ",
}

// plain are complete lines that the Lambda runtime's client prints.
var plain = []string{
	"calling the handler function resulted in a panic, the process should exit",
}

// Write implements [io.Writer]. A call is one line of package log, which may contain
// a stack.
func (w *Writer) Write(line []byte) (int, error) {
	_, err := w.Next.Write(w.clean(line))
	return len(line), err
}

func (w *Writer) clean(line []byte) []byte {
	text := strings.TrimSuffix(string(line), "\n")
	if report, ok := failure(line); ok {
		return report
	}
	for _, whole := range plain {
		if text == whole {
			return line
		}
	}
	for _, beginning := range known {
		if at := strings.Index(text, beginning); at == 0 || at > 0 && at < 24 && stamp.MatchString(text[:at]) {
			return fmt.Appendf(nil, "%s: %d bytes of a library's line are withheld%s\n", strings.TrimSuffix(strings.TrimSpace(beginning), ":"), len(text), stack(text))
		}
	}
	if w.Strict {
		return fmt.Appendf(nil, "a line of %d bytes that a library printed is withheld%s\n", len(text), stack(text))
	}
	return line
}

// stamp is what package log puts before a line.
var stamp = lazyregexp.New(`^[0-9/:. ]*$`)

// frame matches a line of a stack: a function, whose arguments are left out, or a position.
var frame = lazyregexp.New(`^(?:(goroutine \d+) \[[a-z ,.\d]*\]:|(?:created by )?([\w./*()\[\]{}~-]+)\([^()]*\)|created by ([\w./*()\[\]{}~-]+)(?: in goroutine \d+)?|\t([\w./@+~-]+\.(?:go|s):\d+)(?: \+0x[0-9a-f]+)?|panic\(.*)$`)

// stack returns the stack in a line, from "goroutine" on, without values; "" if there is
// none.
func stack(text string) string {
	_, after, found := strings.Cut(text, "\ngoroutine ")
	if !found {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines("goroutine " + after) {
		m := frame.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case m == nil:
		case strings.HasPrefix(m[0], "panic("):
			b.WriteString("\npanic(...)")
		case m[2] != "":
			b.WriteString("\n" + m[2] + "(...)")
		case m[3] != "":
			b.WriteString("\ncreated by " + m[3])
		case m[4] != "":
			b.WriteString("\n\t" + m[4])
		default:
			b.WriteString("\n" + m[1] + ":")
		}
	}
	return b.String()
}

// failure returns the Lambda runtime client's report of a failed invocation, and whether
// the line is one. An error's message is the function's own and stays. A panic, which has a
// stack, loses its value unless the Go runtime made it.
func failure(line []byte) ([]byte, bool) {
	type place struct {
		Path  string `json:"path"`
		Line  int    `json:"line"`
		Label string `json:"label"`
	}
	var report struct {
		Message *string  `json:"errorMessage"`
		Type    *string  `json:"errorType"`
		Stack   []*place `json:"stackTrace,omitempty"`
		Exit    bool     `json:"ShouldExit,omitempty"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if d.Decode(&report) != nil || report.Message == nil || report.Type == nil {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	ofRuntime := *report.Type == "boundsError" || *report.Type == "errorString" && strings.HasPrefix(*report.Message, "runtime error: ") || *report.Type == "plainError" || *report.Type == "TypeAssertionError"
	if len(report.Stack) > 0 && !ofRuntime {
		*report.Message = "a panic; its value is withheld"
	}
	out, err := json.Marshal(report)
	if err != nil {
		return nil, false
	}
	return append(out, '\n'), true
}
