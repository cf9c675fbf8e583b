package secretsmanagertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// failing counts the invocations of a function that fails, and reports each.
type failing struct {
	mu    sync.Mutex
	n     int
	times chan int
}

func newFailing(s *secretsmanagertest.Server) *failing {
	f := &failing{times: make(chan int, 100)}
	s.AddFunction(function, func(context.Context, []byte) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.n++
		f.times <- f.n
		return errors.New("boom")
	})
	return f
}

func TestS14TheServiceRetriesByItselfUntilItIsCancelled(t *testing.T) {
	for what, end := range map[string]func(*sm.Client) error{
		"cancelled": func(c *sm.Client) error {
			_, err := c.CancelRotateSecret(t.Context(), &sm.CancelRotateSecretInput{SecretId: aws.String(name)})
			return err
		},
		"deleted": func(c *sm.Client) error {
			_, err := c.DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String(name), ForceDeleteWithoutRecovery: aws.Bool(true)})
			return err
		},
		"abandoned": func(c *sm.Client) error {
			_, err := c.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String("by a person")})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, c, _ := managed(t)
			s.RetryAfter(time.Millisecond)
			f := newFailing(s)
			must(t, rotate(t, c))
			for n := range f.times {
				if n == 3 {
					break
				}
			}
			must(t, end(c))
			s.Wait() // does not return while retries go on
		})
	}
}

func TestS14ARetryOfItsOwnCompletesTheRotation(t *testing.T) {
	s, c, f := managed(t)
	s.RetryAfter(time.Millisecond)
	failAt(f, "testSecret")
	must(t, rotate(t, c))
	s.Wait()
	wantEvents(t, s, "RotationStarted", "RotationFailed", "RotationSucceeded")
}

func TestClosingEndsRetries(t *testing.T) {
	s, c, _ := managed(t)
	s.RetryAfter(time.Hour)
	f := newFailing(s)
	must(t, rotate(t, c))
	<-f.times
	s.Close() // does not return while retries go on
}

func TestS42StepsInvokeTheARNThatTheRotationNames(t *testing.T) {
	s, c, _ := managed(t)
	var invoked []string
	for _, arn := range []string{function, function + ":live"} {
		s.AddFunction(arn, func(ctx context.Context, event []byte) error {
			invoked = append(invoked, arn)
			return honest(c)(ctx, event)
		})
		must(t, rotate(t, c, func(in *sm.RotateSecretInput) { in.RotationLambdaARN = aws.String(arn) }))
		s.Wait()
	}
	want := slices.Concat(slices.Repeat([]string{function}, 4), slices.Repeat([]string{function + ":live"}, 4))
	if fmt.Sprint(invoked) != fmt.Sprint(want) {
		t.Errorf("invoked %v, want %v", invoked, want)
	}
}
