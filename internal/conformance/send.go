package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
)

var errNoAnswer = errors.New("no answer")

// send sends a request once and reads the answer, up to maxReply. It does not follow
// redirects, which would carry a credential elsewhere. The errors contain none of the
// peer's words. A nil client means http.DefaultClient.
func send(hc *http.Client, req *http.Request) (reply, []byte, error) {
	once := http.Client{}
	if hc != nil {
		once = *hc
	}
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		if cause := context.Cause(req.Context()); cause != nil {
			return reply{}, nil, cause
		}
		return reply{}, nil, errNoAnswer
	}
	defer resp.Body.Close()
	if resp.StatusCode < http.StatusOK {
		return reply{}, nil, errNoAnswer // it switches protocols, and no time limit covers what follows
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return reply{}, nil, errNoAnswer
	}
	return reply{status: resp.StatusCode, header: resp.Header}, text, nil
}
