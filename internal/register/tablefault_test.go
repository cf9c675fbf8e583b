package register_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

// TestReplaceThroughEachFault puts one fault of each kind, and then two, in the way of a
// write. The caller is always told the truth: success means that its revision is stored;
// being overtaken, that another is stored instead; any other error, that nothing may be
// sent.
func TestReplaceThroughEachFault(t *testing.T) {
	kinds := fault.Kinds()
	for _, first := range kinds {
		for _, second := range append([]fault.Kind{fault.None}, kinds...) {
			t.Run(fmt.Sprintf("%s, then %s", first, second), inBubble(func(t *testing.T, s *registertest.Server, table *register.Table) {
				was := ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
				s.Fail("PutItem", first, second)
				began := time.Now()
				next, err := table.Replace(t.Context(), key, was, held("b"))
				if took := time.Since(began); took > register.SendMargin {
					t.Errorf("got an answer after %v, want one within %v", took, register.SendMargin)
				}
				s.Before(nil)
				stored := ok[register.Revision](t)(table.Fetch(t.Context(), key))
				switch {
				case err == nil && !reflect.DeepEqual(next, stored):
					t.Errorf("got %+v, and stored is %+v", next, stored)
				case errors.Is(err, register.ErrOvertaken):
					t.Errorf("got overtaken, with no other writer")
				case err != nil && first != fault.Denied && second != fault.Denied:
					t.Errorf("got %v, want success: there were but two faults", err)
				}
			}))
		}
	}
}

// inBubble runs a test in a synctest bubble, with a stand-in that needs no socket.
func inBubble(do func(*testing.T, *registertest.Server, *register.Table)) func(*testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := registertest.Within(quiet{t})
			s.Follow(time.Now)
			s.CreateTable(tableName, "subject", "entry", "expires")
			do(t, s, bubbled(s))
		})
	}
}

// bubbled returns a client of the table that needs no socket.
func bubbled(s *registertest.Server) *register.Table {
	return &register.Table{
		Name: tableName,
		Connection: register.Connection{
			Region:      "eu-west-1",
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
			HTTPClient:  &http.Client{Transport: &memory.Transport{Handler: s}},
		},
	}
}

// quiet is a test that does not want the transcript.
type quiet struct{ *testing.T }

func (quiet) Logf(string, ...any) {}

func TestReplaceThatCannotBeReadBackSaysSo(t *testing.T) {
	inBubble(cannotBeReadBack)(t)
}

func cannotBeReadBack(t *testing.T, s *registertest.Server, table *register.Table) {
	was := ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
	for _, kind := range []fault.Kind{fault.Refused, fault.ReplyLost} {
		s.Before(func(c fault.Call) fault.Kind {
			if c.Operation == "PutItem" {
				return kind
			}
			return fault.Unavailable
		})
		_, err := table.Replace(t.Context(), key, was, held("b"))
		if e := failed(t, err, register.OutOfReach); !e.Unconfirmed || !register.Unreachable(err) || !strings.Contains(err.Error(), "not known") {
			t.Errorf("%s: got %v, want it to say that the outcome is not known", kind, err)
		}
	}
}

func TestReplaceRespectsTheDeadline(t *testing.T) {
	s, table := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.Before(func(fault.Call) fault.Kind { cancel(); return fault.Refused })
	_, err := table.Replace(ctx, key, register.Revision{}, held("a"))
	failed(t, err, register.OutOfReach)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to be the context's", err)
	}
	if n := s.Count(""); n > 2 {
		t.Errorf("got %d requests after the end, want no more", n)
	}
}
