package runtimetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// The test binary is also the function under test, in the mode that this variable names, so
// that the tests need not build a second program.
const startMode = "RUNTIMETEST_START"

func TestMain(m *testing.M) {
	if mode := os.Getenv(startMode); mode != "" {
		playFunction(mode)
	}
	os.Exit(m.Run())
}

// order is the event that the function understands.
type order struct {
	Do   string `json:"do"`
	Hook string `json:"hook,omitempty"` // called first
	N    int    `json:"n,omitempty"`
}

func playFunction(mode string) {
	mode, marker, _ := strings.Cut(mode, ":")
	switch mode {
	case "report":
		post("init/error", []byte(`{"errorMessage":"ROTATION_GRACE: not a duration","errorType":"settings"}`))
		os.Exit(1)
	case "exit":
		os.Exit(7)
	case "never":
		<-time.After(time.Hour)
	case "once": // starts the first time only
		if os.Mkdir(marker, 0o700) != nil {
			os.Exit(4)
		}
	}
	fmt.Println("started")
	for {
		serveOne()
	}
}

func serveOne() {
	resp, err := http.Get(api("invocation/next"))
	if err != nil {
		os.Exit(0) // the Runtime API is gone
	}
	event, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	var o order
	json.Unmarshal(event, &o)
	if o.Hook != "" {
		http.Get(o.Hook)
	}
	id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	answer := event
	switch o.Do {
	case "environment":
		answer, _ = json.Marshal(os.Environ())
	case "header":
		answer, _ = json.Marshal(resp.Header)
	case "fail":
		post("invocation/"+id+"/error", []byte(`{"errorMessage":"no application","errorType":"NotFound"}`))
		return
	case "fail without form":
		post("invocation/"+id+"/error", []byte("oops"))
		return
	case "panic": // as aws-lambda-go does
		post("invocation/"+id+"/error", []byte(`{"errorMessage":"boom","errorType":"string"}`))
		os.Exit(1)
	case "exit":
		os.Exit(o.N)
	case "hang":
		<-time.After(time.Hour)
	case "stale id":
		answer = fmt.Append(nil, post("invocation/00000000-0000-4000-8000-000000000000/response", nil))
	case "allocate":
		block := bytes.Repeat([]byte{1}, o.N)
		answer = fmt.Append(nil, len(block))
	case "large":
		answer = bytes.Repeat([]byte{'1'}, o.N)
	}
	post("invocation/"+id+"/response", answer)
}

func api(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/" + path
}

func post(path string, body []byte) (status int) {
	resp, err := http.Post(api(path), "application/json", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusAccepted {
		fmt.Println("refused with", resp.StatusCode)
	}
	return resp.StatusCode
}
