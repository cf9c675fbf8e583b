package playground

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// A functionLog keeps what the function writes, and decodes the lines about steps.
type functionLog struct {
	now   func() time.Time
	tell  func(Step)
	steps chan Step // without tell

	mu    sync.Mutex
	text  []byte
	whole []LogLine // complete lines of the text
	lines int       // length in bytes of the text that is in whole
}

func (l *functionLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	for {
		line, _, whole := bytes.Cut(l.text[l.lines:], []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.lines += len(line) + 1
		l.whole = append(l.whole, LogLine{l.now(), string(line)})
		var s Step
		switch {
		case json.Unmarshal(line, &s) != nil || s.Step == "":
		case l.tell != nil:
			l.tell(s)
		default:
			select {
			case l.steps <- s:
			default: // nothing waits for it
			}
		}
	}
}

// written returns the lines so far.
func (l *functionLog) written() []LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.whole)
}

func (l *functionLog) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
