package fault

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Canary is what a hostile peer says. It stands for a secret that comes back in a reply
// that cannot be read.
const Canary = "canary-in-the-words-of-the-peer"

// EchoedSecret is what a peer repeats in a refusal. It has the form of a PingOne client
// secret, and at a glance looks like a word, an id or a code.
const EchoedSecret = "kJ4mNq8ZtV1xYc7RbW2dLf9sHg3aPe6uMo5iQyTrEwXzUvCnBjKhGfDsAlOpRtYu"

// hostile answers as the kind says, and reports whether the kind is a hostile one. It
// returns when the peer has said its last word or the caller is gone.
func hostile(w http.ResponseWriter, r *http.Request, kind Kind, reply Reply) bool {
	switch kind {
	case Upgrade:
		raw(w, "HTTP/1.1 101 "+Canary+"\r\nConnection: Upgrade\r\nUpgrade: "+Canary+"\r\n\r\n"+Canary)
	case EndlessHeader:
		raw(w, "HTTP/1.1 200 OK\r\n", "X-Canary: "+Canary+strings.Repeat("x", 1000)+"\r\n")
	case BadStatus:
		raw(w, "HTTP/1.1 "+Canary+"\r\n\r\n")
	case Frames:
		// An empty SETTINGS frame, and GOAWAY with debug data (RFC 9113, sections 6.5 and 6.8).
		goAway := "\x00\x00" + string(rune(8+len(Canary))) + "\x07\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 8) + Canary
		raw(w, "\x00\x00\x00\x04\x00\x00\x00\x00\x00"+goAway)
	case Echo:
		// The members and headers in which AWS's services and PingOne say what is wrong.
		for _, name := range []string{"X-Amzn-ErrorType", "X-Amzn-RequestId", "X-Amz-Request-Id", "X-Request-Id", "Correlation-Id"} {
			w.Header().Set(name, EchoedSecret)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%[1]q,"code":%[1]q,"message":%[1]q,"Message":%[1]q,"error":%[1]q,"error_description":%[1]q,"id":%[1]q,`+
			`"details":[{"code":%[1]q,"target":%[1]q,"message":%[1]q}]}`, EchoedSecret)
	case Unsolicited:
		one := fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", reply.Status, len(reply.Body), reply.Body)
		if reply.Status == http.StatusNoContent {
			one = "HTTP/1.1 204 x\r\n\r\n"
		}
		raw(w, one+"HTTP/1.1 200 OK\r\nX-Canary: "+Canary+"\r\n\r\n"+Canary)
	case Endless:
		stream(w, r, "", func(out io.Writer) error { _, err := io.WriteString(out, strings.Repeat(Canary+" ", 1000)); return err })
	case Drip:
		text := `{"secret":"` + Canary
		stream(w, r, "", func(out io.Writer) error {
			if text == "" {
				text = " "
			}
			_, err := io.WriteString(out, text[:1])
			text = text[1:]
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
			}
			return err
		})
	case GzipBomb:
		zeros := make([]byte, 1<<20)
		var packed *gzip.Writer
		stream(w, r, "gzip", func(out io.Writer) error {
			if packed == nil {
				packed = gzip.NewWriter(out)
			}
			_, err := packed.Write(zeros)
			return err
		})
	case Deep:
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, strings.Repeat(`{"`+Canary[:6]+`":`, 100_000)+`"`+Canary+`"`+strings.Repeat("}", 100_000))
	default:
		return false
	}
	return true
}

// raw writes first to the connection, which need not be HTTP, and then repeats the rest
// until the caller hangs up. Without a rest it is then silent.
func raw(w http.ResponseWriter, first string, rest ...string) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	go speak(conn, buffered, first, rest)
}

func speak(conn net.Conn, buffered *bufio.ReadWriter, first string, rest []string) {
	defer conn.Close()
	if _, err := io.WriteString(conn, first); err != nil {
		return
	}
	for len(rest) > 0 {
		if _, err := io.WriteString(conn, rest[0]); err != nil {
			return
		}
	}
	io.Copy(io.Discard, buffered) // until the caller hangs up
}

// stream writes an endless body.
func stream(w http.ResponseWriter, r *http.Request, encoding string, write func(io.Writer) error) {
	w.Header().Set("Content-Type", "application/json")
	if encoding != "" {
		w.Header().Set("Content-Encoding", encoding)
	}
	w.WriteHeader(http.StatusOK)
	for r.Context().Err() == nil {
		if write(w) != nil {
			break
		}
		http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}
