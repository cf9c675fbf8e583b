package rotation_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/awsclient"
	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	quieted "pingrotate/internal/quiet"
	"pingrotate/internal/register"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// over connects a client to a service, and returns a function that closes the connections.
func over(h http.Handler) (*http.Transport, func()) {
	listener := &memory.Listener{}
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	transport := &http.Transport{DialContext: listener.DialContext, MaxResponseHeaderBytes: 64 << 10}
	return transport, func() {
		transport.CloseIdleConnections()
		server.Close()
	}
}

// Whatever one of the three services does with the connection, a check ends in time, says
// in one line what did not answer, and quotes nothing that it received.
func TestAHostileServiceEndsACheckInTime(t *testing.T) {
	for _, service := range []string{"Secrets Manager", "the register", "PingOne"} {
		for _, kind := range fault.HostileKinds() {
			t.Run(fmt.Sprint(service, ", ", kind), func(t *testing.T) {
				inBubble(t, func(w *world) {
					var lines bytes.Buffer
					defer log.SetOutput(log.Writer())
					log.SetOutput(&quieted.Writer{Next: &lines, Strict: true})
					toSecretsManager, endSecretsManager := over(w.sm)
					toRegister, endRegister := over(w.db)
					toPingOne, endPingOne := over(w.ping)
					keys := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", "")
					w.rotator.Secrets = secretsmanager.New(secretsmanager.Options{ // as the function does
						BaseEndpoint: aws.String(w.sm.URL()), Region: "us-east-1", Credentials: keys,
						HTTPClient: awsclient.Limited{HTTPClient: &http.Client{Transport: toSecretsManager}, Time: 5 * time.Second},
					})
					w.rotator.Register = &register.Table{Name: registerTable, Now: time.Now, Connection: register.Connection{
						Region: "us-east-1", Endpoint: "http://127.0.0.1:1", HTTPClient: &http.Client{Transport: toRegister}, Credentials: keys,
					}}
					w.rotator.PingOne.HTTP = &http.Client{Transport: toPingOne}
					point, limit := "secret", time.Minute // three attempts, and what is between them
					switch service {
					case "Secrets Manager":
						w.sm.Before(func(fault.Call) fault.Kind { return kind })
					case "the register":
						w.db.Before(func(fault.Call) fault.Kind { return kind })
						point = "register"
					default:
						w.ping.Before(func(c fault.Call) fault.Kind {
							if strings.HasPrefix(c.Operation, "GET application") {
								return kind
							}
							return fault.None
						})
						point, limit = "application", 6*pingone.CallTimeout
					}

					begun := time.Now()
					c := w.check()
					if took := time.Since(begun); took > limit {
						t.Errorf("took %v, want at most %v", took, limit)
					}
					var wrong []string
					for _, f := range c.Findings {
						if f.State == rotation.Failure {
							wrong = append(wrong, f.Point)
						}
						if strings.Contains(f.Detail+f.Remedy, fault.Canary) || strings.Contains(f.Detail, "\n") {
							t.Errorf("%s: got %q", f.Point, f.Detail)
						}
					}
					if kind == fault.Unsolicited {
						wrong = append(wrong, point) // the reply itself came in time
					}
					if c.WouldRotate && kind != fault.Unsolicited || !strings.Contains(strings.Join(wrong, " "), point) {
						t.Errorf("got %t, %q, failures %q; want a failure of %s", c.WouldRotate, c.Because, wrong, point)
					}
					endSecretsManager()
					endRegister()
					endPingOne()
					synctest.Wait()
					if text := lines.String() + w.log.String(); strings.Contains(text, fault.Canary) {
						t.Errorf("the peer's words are in the log: %s", text)
					}
				})
			})
		}
	}
}
