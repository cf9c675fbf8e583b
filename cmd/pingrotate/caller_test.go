package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// A deployment is a function behind Lambda's API, with both services.
type deployment struct {
	*standIns
	cloud *cloud
	cfg   aws.Config
	call  caller        // of the function, as the operator's commands call it
	limit time.Duration // of an invocation; 0 for none
}

// deploy starts it. Each invocation goes through meet, which calls answer or not.
func deploy(t *testing.T, meet func(answer func() ([]byte, error)) ([]byte, error)) *deployment {
	t.Helper()
	s, err := startStandIns("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	t.Setenv("PINGONE_ADMIN_SECRET_ID", adminSecret)
	t.Setenv("PINGONE_API_URL", s.pingOneURL())
	t.Setenv("PINGONE_AUTH_URL", s.pingOneURL())
	log.SetOutput(t.Output())
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	cfg := aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "made-up", ""),
		BaseEndpoint: aws.String(s.secretsURL()),
	}
	function, err := newRotator(cfg, runtimetest.FunctionARN)
	if err != nil {
		t.Fatal(err)
	}
	s.secrets.AddFunction(runtimetest.FunctionARN, func(ctx context.Context, event []byte) error {
		_, err := function.Handle(ctx, event)
		return err
	})
	s.secrets.EnableRotation(ordersSecret, runtimetest.FunctionARN)
	d := &deployment{standIns: s, cloud: &cloud{show: func(string) {}, lines: func() []logLine { return nil }}}
	d.cloud.invoke = func(ctx context.Context, event []byte) ([]byte, error) {
		return meet(func() ([]byte, error) {
			if d.limit > 0 {
				limited, cancel := context.WithTimeout(ctx, d.limit)
				defer cancel()
				ctx = limited
			}
			report, err := function.Handle(ctx, event)
			if err != nil {
				return nil, &runtimetest.FunctionError{Type: "errorString", Message: err.Error()}
			}
			return json.Marshal(report)
		})
	}
	if err := d.cloud.start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.cloud.close)
	d.cfg = cfg.Copy()
	d.cfg.BaseEndpoint = aws.String(d.cloud.url())
	d.call = deployed(d.cfg, defaultFunction)
	return d
}

func answered(answer func() ([]byte, error)) ([]byte, error) { return answer() }

func rotateOrders() rotation.Action {
	return rotation.Action{Action: rotation.ActionRotate, SecretID: ordersSecret, ClientRequestToken: rotation.NewToken()}
}

func TestRotationWhoseAnswerIsLostIsAskedForAgainAndMintsOnce(t *testing.T) {
	invocations := 0
	d := deploy(t, func(answer func() ([]byte, error)) ([]byte, error) {
		invocations++
		got, err := answer()
		if invocations == 1 {
			return nil, runtimetest.ErrTimedOut
		}
		return got, err
	})
	_, report, err := rotateOne(t.Context(), d.call, rotateOrders(), time.Minute)
	if err != nil || bad(report.Outcome) {
		t.Fatalf("got %+v, error %v, want it rotated", report, err)
	}
	if mints := d.pingOne.Mints(d.orders.Environment, d.orders.ID); mints != 1 || invocations != 2 {
		t.Errorf("got %d secrets minted in %d invocations, want 1 in 2", mints, invocations)
	}
	if _, works := d.held("AWSCURRENT"); !works {
		t.Error("PingOne refuses AWSCURRENT")
	}
}

func TestNoInvocationIsRepeatedBehindTheCallersBack(t *testing.T) {
	for _, broken := range []error{
		runtimetest.ErrTimedOut,
		&runtimetest.ExitError{Status: "signal: killed"},
		&runtimetest.FunctionError{Type: "errorString", Message: "boom"},
	} {
		invocations := 0
		d := deploy(t, func(func() ([]byte, error)) ([]byte, error) {
			invocations++
			return nil, broken
		})
		_, err := d.call(t.Context(), rotateOrders())
		if err == nil || invocations != 1 {
			t.Errorf("%v: got error %v after %d invocations, want one after 1", broken, err, invocations)
		}
		_, reported := errors.AsType[*runtimetest.FunctionError](broken)
		if errors.Is(err, errUnknown) == reported {
			t.Errorf("%v: got %v, want it to say whether it is known what became of the action", broken, err)
		}
	}
}

func TestInvocationOutlastsTheLongestFunction(t *testing.T) {
	if invocationLimit <= 900*time.Second {
		t.Errorf("got a limit of %v, want more than a function may take", invocationLimit)
	}
}

func TestCtrlCSaysThatTheFunctionMayGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := deploy(t, func(answer func() ([]byte, error)) ([]byte, error) {
		cancel()
		return answer()
	})
	var said strings.Builder
	log.SetOutput(&said)
	defer log.SetOutput(os.Stderr)
	if _, _, err := rotateOne(ctx, d.call, rotateOrders(), time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context canceled", err)
	}
	if !strings.Contains(said.String(), ordersSecret+": what has begun may go on") {
		t.Errorf("got %q, want it to say that the rotation may go on", said.String())
	}
}

func TestFunctionsErrorIsItsMessage(t *testing.T) {
	for payload, want := range map[string]string{
		`{"errorMessage":"read the event: field secretId: must be the name or ARN of a secret","errorType":"errorString"}`: "the function: read the event: field secretId: must be the name or ARN of a secret",
		`{"errorMessage":"2026 Task timed out after 60.00 seconds"}`:                                                       "the function: 2026 Task timed out after 60.00 seconds (it is not known what became of it); raise its timeout, and repeat the command",
		`{"errorMessage":"exit status 1","errorType":"Runtime.ExitError"}`:                                                 "the function: Runtime.ExitError: exit status 1 (it is not known what became of it); look at its log",
		`null`: "the function failed without a message (it is not known what became of it); look at its log",
		`<`:    "the function failed without a message (it is not known what became of it); look at its log",
	} {
		if got := functionError([]byte(payload)).Error(); got != want {
			t.Errorf("%s: got %q, want %q", payload, got, want)
		}
	}
}

func TestEventsAreReadToTheLastPage(t *testing.T) {
	d := deploy(t, answered)
	const rotations = 2*linesPerPage + 50
	now := time.Now()
	d.cloud.lines = func() (lines []logLine) {
		for n := range rotations {
			for range 3 { // between them are lines that are no evidence, and make pages empty
				lines = append(lines, logLine{now, "REPORT"})
			}
			lines = append(lines, logLine{now, fmt.Sprintf(`{"message":"rotation step","step":"finishSecret","version":"%036d","secretId":"orders"}`, n)})
		}
		return append(lines, logLine{now.Add(-time.Hour), `{"message":"rotation step","step":"finishSecret","version":"old","secretId":"orders"}`})
	}
	entries, err := readLog(t.Context(), &account{function: runtimetest.FunctionARN, cfg: d.cfg}, now.Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if len(join(entries)) != rotations {
		t.Errorf("got %d rotations, want %d", len(join(entries)), rotations)
	}
}

func TestCloudRefusesWhatItDoesNotPlay(t *testing.T) {
	for _, pattern := range []string{"", "ERROR", `{ $.message = "x" }`, `{ ($.message = "x") && ($.message = "y") }`} {
		if _, err := filterPattern(pattern); err == nil {
			t.Errorf("pattern %q: got no error, want one", pattern)
		}
	}
	passes, err := filterPattern(logPattern)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		`{"message":"rotation step"}`: true, `{"message":"rotation action"}`: true, `{"message":"other"}`: false, "rotation step": false, "": false,
	} {
		if passes(line) != want {
			t.Errorf("%s: got %t, want %t", line, !want, want)
		}
	}
}

func TestEvidenceIsJoinedByVersion(t *testing.T) {
	at := func(seconds int) time.Time { return time.Date(2026, 11, 24, 1, 0, seconds, 0, time.UTC) }
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pingone/orders-a1B2c3"
	line := func(seconds int, text string) entry {
		var e entry
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		e.at = at(seconds)
		e.SecretID = arn
		return e
	}
	lines := []entry{
		// Another order than that of the clock, a step that failed, and one that came late.
		line(9, `{"step":"finishSecret","version":"1","decision":"promote","current":"aaaaaaaa","pending":"bbbbbbbb"}`),
		line(2, `{"step":"createSecret","version":"1","durationMs":1000,"error":"PingOne answered 503"}`),
		line(5, `{"step":"createSecret","version":"1","decision":"adopt","current":"aaaaaaaa","pending":"bbbbbbbb"}`),
		line(12, `{"step":"testSecret","version":"1","decision":"already promoted","current":"bbbbbbbb"}`),
		line(13, `{"step":"createSecret","version":"1","error":"late"}`),
		line(20, `{"step":"createSecret","version":"2","error":"refusing to regenerate"}`),
		line(30, `{"step":"testSecret","version":"3","decision":"verify"}`),
		line(40, `{"step":"createSecret","version":"4","decision":"regenerate","current":"bbbbbbbb","pending":"cccccccc"}`),
		line(41, `{"action":"rotate","version":"4","outcome":"open","by":"alice","reason":"INC-1","emergency":"swift","durationMs":3000,"promoted":"cccccccc","error":"PingOne still accepts it"}`),
		line(50, `{"action":"rollback","version":"4","outcome":"rolledBack","by":"bob","promoted":"cccccccc"}`),
		line(60, `{"action":"check","outcome":"ok"}`),
		line(61, `{"action":"audit","outcome":"ok"}`),
	}
	var got []string
	for _, e := range join(lines) {
		got = append(got, fmt.Sprintf("%d %s %s %s %s→%s %s %q", int(e.Begun.Sub(at(0)).Seconds()), e.Name, e.Version, e.Decision, e.Old, e.New, e.Outcome, strings.TrimSpace(e.By+" "+e.Emergency+" "+e.Reason+" "+e.Error)))
	}
	want := []string{
		`1 pingone/orders 1 adopt aaaaaaaa→bbbbbbbb promoted "Secrets Manager"`,
		`20 pingone/orders 2  → failed "Secrets Manager   refusing to regenerate"`,
		`30 pingone/orders 3  → tested "Secrets Manager"`,
		`38 pingone/orders 4 regenerate bbbbbbbb→cccccccc open "alice swift INC-1 PingOne still accepts it"`,
		`50 pingone/orders 4 rollback →cccccccc rolledBack "bob"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := join(lines)[0].PromotedAt; p != at(9) {
		t.Errorf("promoted at %v, want %v", p, at(9))
	}
}

func TestLeakThatCouldNotBeEndedIsOpenUntilTheCommandIsRunAgain(t *testing.T) {
	d := deploy(t, answered)
	leaked := d.accepted()[0]
	d.pingOne.Before(func(c fault.Call) fault.Kind {
		if strings.HasPrefix(c.Operation, "DELETE") {
			return fault.Denied
		}
		return fault.None
	})
	emergency := rotateOrders()
	emergency.Emergency = rotation.Swift
	_, report, err := rotateOne(t.Context(), d.call, emergency, 0)
	var told strings.Builder
	if err != nil || report.Outcome != rotation.Open || !bad(report.Outcome) || tellReport(&told, ordersSecret, report) != nil {
		t.Fatalf("got %+v, error %v, want it open", report, err)
	}
	if want := ordersSecret + ": THE LEAKED SECRET MAY STILL WORK"; !strings.HasPrefix(told.String(), want) {
		t.Errorf("got %q, want %q first", told.String(), want)
	}
	if !slices.Contains(d.accepted(), leaked) {
		t.Error("PingOne refuses the leaked secret, want the test to keep it alive")
	}

	d.pingOne.Before(nil)
	emergency.ClientRequestToken = rotation.NewToken()
	_, report, err = rotateOne(t.Context(), d.call, emergency, 0)
	if err != nil || report.Outcome != rotation.Ended || bad(report.Outcome) {
		t.Fatalf("again: got %+v, error %v, want it ended", report, err)
	}
	if slices.Contains(d.accepted(), leaked) {
		t.Error("PingOne accepts the leaked secret")
	}
	if mints := d.pingOne.Mints(d.orders.Environment, d.orders.ID); mints != 1 {
		t.Errorf("%d secrets were minted, want 1", mints)
	}
}
