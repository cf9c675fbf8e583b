package register_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

const (
	tableName = "pingrotate-register"
	orders    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/orders-AbCdEf"
)

var (
	key   = register.Key{EnvironmentID: "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6", ID: "ae72e133-0935-4935-a84c-4dcf7b5e8b71"}
	other = register.Key{EnvironmentID: key.EnvironmentID, ID: "5b2c1d8e-7c0e-4f65-9c60-0a3a4c6a8f10"}
)

// open returns a client of the table, as another process would have one.
func open(s *registertest.Server) *register.Table {
	return &register.Table{
		Name: tableName,
		Now:  s.Now,
		Connection: register.Connection{
			Region:      "eu-west-1",
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "key", ""),
			Endpoint:    s.URL(),
		},
	}
}

func start(t registertest.TB) (*registertest.Server, *register.Table) {
	t.Helper()
	s := registertest.Run(t)
	s.CreateTable(tableName, "subject", "entry", "expires")
	return s, open(s)
}

func ok[Out any](t *testing.T) func(Out, error) Out {
	return func(out Out, err error) Out {
		t.Helper()
		if err != nil {
			t.Fatalf("got %v, want success", err)
		}
		return out
	}
}

// failed checks for an error of one kind with a remedy.
func failed(t *testing.T, err error, want register.Problem) *register.Error {
	t.Helper()
	e, is := errors.AsType[*register.Error](err)
	switch {
	case !is:
		t.Fatalf("got %v, want an error of the register: %s", err, want)
	case e.Problem != want:
		t.Errorf("got %v, want: %s", err, want)
	case e.Remedy() == "":
		t.Errorf("got no remedy for %v", err)
	}
	return e
}

func held(by string) register.Item {
	return register.Item{}.Take(by, "createSecret of pingone/orders", time.Date(2026, 11, 27, 0, 0, 0, 5, time.UTC))
}

func TestFetchOfNothingIsTheZeroRevision(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		if got := ok[register.Revision](t)(table.Fetch(t.Context(), key)); !reflect.DeepEqual(got, register.Revision{}) {
			t.Errorf("got %+v, want the zero revision", got)
		}
	})
}

func TestReplaceReturnsWhatAFetchShows(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		replaced := ok[register.Revision](t)
		first := replaced(table.Replace(t.Context(), key, register.Revision{}, held("a").Begin(time.Now())))
		second := replaced(table.Replace(t.Context(), key, first, first.Item.Release("a")))
		if first.Number != 1 || second.Number != 2 || first.Nonce == second.Nonce || first.Nonce == "" {
			t.Errorf("got revisions %+v and %+v, want the numbers 1 and 2 and two nonces", first, second)
		}
		if got := ok[register.Revision](t)(s.open().Fetch(t.Context(), key)); !reflect.DeepEqual(got, second) {
			t.Errorf("got\n%+v, want\n%+v", got, second)
		}
		if got := ok[register.Revision](t)(table.Fetch(t.Context(), other)); got.Number != 0 {
			t.Errorf("got %+v of another client, want nothing", got)
		}
	})
}

func TestFetchIsConsistent(t *testing.T) {
	s, table := start(t)
	s.LagReads(time.Hour)
	ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
	if got := ok[register.Revision](t)(table.Fetch(t.Context(), key)); got.Number != 1 {
		t.Errorf("got revision %d, want 1", got.Number)
	}
}

// TestOnlyOneReplaces has processes replace the same revision, at the same time where the
// implementation is atomic.
func TestOnlyOneReplaces(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		was := register.Revision{}
		for round := range 5 {
			const racers = 8
			got := make([]register.Revision, racers)
			errs := make([]error, racers)
			var all sync.WaitGroup
			var turn sync.Mutex
			for n := range racers {
				all.Go(func() {
					if !s.atomic {
						turn.Lock()
						defer turn.Unlock()
					}
					got[n], errs[n] = s.open().Replace(t.Context(), key, was, held(fmt.Sprintf("holder %d of round %d", n, round)))
				})
			}
			all.Wait()
			stored := ok[register.Revision](t)(table.Fetch(t.Context(), key))
			won := 0
			for n := range racers {
				if errs[n] == nil {
					won++
					if !reflect.DeepEqual(got[n], stored) {
						t.Errorf("round %d: racer %d won with %+v, and stored is %+v", round, n, got[n], stored)
					}
					continue
				}
				overtaken, is := errors.AsType[*register.OvertakenError](errs[n])
				if !is || !errors.Is(errs[n], register.ErrOvertaken) {
					t.Fatalf("round %d: racer %d: got %v, want to be overtaken", round, n, errs[n])
				}
				if !reflect.DeepEqual(overtaken.Found, stored) {
					t.Errorf("round %d: racer %d found %+v, and stored is %+v", round, n, overtaken.Found, stored)
				}
			}
			if won != 1 {
				t.Errorf("round %d: %d won, want 1", round, won)
			}
			was = stored
		}
	})
}

func TestOvertakenNeedsNoSecondRead(t *testing.T) {
	s, table := start(t)
	first := ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
	second := ok[register.Revision](t)(open(s).Replace(t.Context(), key, first, held("b")))
	_, err := table.Replace(t.Context(), key, first, held("a"))
	overtaken, is := errors.AsType[*register.OvertakenError](err)
	if !is || !reflect.DeepEqual(overtaken.Found, second) {
		t.Fatalf("got %v, want to be overtaken by %+v", err, second)
	}
	if got := s.Count("GetItem"); got != 0 {
		t.Errorf("got %d reads, want none", got)
	}
}

func TestReplaceOfALostItemIsOvertaken(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		first := ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
		s.lose(t, key)
		_, err := table.Replace(t.Context(), key, first, held("a"))
		if overtaken, is := errors.AsType[*register.OvertakenError](err); !is || overtaken.Found.Number != 0 {
			t.Fatalf("got %v, want to be overtaken by nothing", err)
		}
		// Another process has begun the item again, which counts from 1.
		ok[register.Revision](t)(s.open().Replace(t.Context(), key, register.Revision{}, held("b")))
		if _, err := table.Replace(t.Context(), key, first, held("a")); !errors.Is(err, register.ErrOvertaken) {
			t.Errorf("got %v, want to be overtaken: the number is the same, the nonce is not", err)
		}
	})
}

func TestEachMistakeHasOneErrorWithARemedy(t *testing.T) {
	use := map[string]func(context.Context, *register.Table) error{
		"fetch": func(ctx context.Context, r *register.Table) error { _, err := r.Fetch(ctx, key); return err },
		"replace": func(ctx context.Context, r *register.Table) error {
			_, err := r.Replace(ctx, key, register.Revision{}, held("a"))
			return err
		},
		"append": func(ctx context.Context, r *register.Table) error {
			return r.Append(ctx, register.Evidence{Secret: orders, What: "rotate"})
		},
		"open": func(ctx context.Context, r *register.Table) error {
			_, err := r.Mark(ctx, key, register.Revision{}, register.Item{}, register.Emergency{ID: "e1"}, "")
			return err
		},
		"opened":     func(ctx context.Context, r *register.Table) error { _, err := r.Opened(ctx, key); return err },
		"all opened": func(ctx context.Context, r *register.Table) error { _, err := r.AllOpened(ctx); return err },
		"close":      func(ctx context.Context, r *register.Table) error { return r.Close(ctx, key, "e1") },
		"evidence": func(ctx context.Context, r *register.Table) error {
			for _, err := range r.Evidence(ctx, register.Query{}) {
				return err
			}
			return nil
		},
	}
	for _, row := range []struct {
		what   string
		name   string
		fault  fault.Kind
		want   register.Problem
		remedy string
	}{
		{"no name", "", fault.None, register.NoName, "REGISTER_TABLE"},
		{"no table", "missing", fault.None, register.NoTable, "REGISTER_TABLE"},
		{"other keys", "others", fault.None, register.OtherTable, "REGISTER_TABLE"},
		{"one key", "simple", fault.None, register.OtherTable, "sort key entry"},
		{"denied", tableName, fault.Denied, register.Denied, "dynamodb:"},
		{"throttled", tableName, fault.Throttled, register.Throttled, "try again"},
		{"out of reach", tableName, fault.Unavailable, register.OutOfReach, "try again"},
		{"no connection", tableName, fault.Refused, register.OutOfReach, "try again"},
		{"no answer", tableName, fault.Hang, register.OutOfReach, "try again"},
		{"a page of HTML", tableName, fault.Malformed, register.OutOfReach, "try again"},
	} {
		for name, do := range use {
			t.Run(row.what+", "+name, inBubble(func(t *testing.T, s *registertest.Server, table *register.Table) {
				s.CreateTable("others", "id", "", "")
				s.CreateTable("simple", "pk", "", "")
				s.Before(func(fault.Call) fault.Kind { return row.fault })
				table.Name = row.name
				err := do(t.Context(), table)
				e := failed(t, err, row.want)
				if !register.Unreachable(err) {
					t.Errorf("got a register within reach: %v", err)
				}
				if !strings.Contains(e.Remedy(), row.remedy) {
					t.Errorf("got remedy %q, want it to name %s", e.Remedy(), row.remedy)
				}
				if row.name != "" && (!strings.Contains(err.Error(), row.name) || strings.Contains(err.Error(), "maintenance")) {
					t.Errorf("got %v, want the table's name and nothing of the reply", err)
				}
			}))
		}
	}
}

func TestItemsOfOthersAreRefused(t *testing.T) {
	s, table := start(t)
	good, err := json.Marshal(held("a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		what string
		item map[string]any
		want register.Problem
	}{
		{"newer", map[string]any{"format": 2, "number": 7, "nonce": "n", "item": "{}"}, register.Newer},
		{"no format", map[string]any{"LockID": "terraform", "Digest": "d"}, register.Foreign},
		{"no number", map[string]any{"format": 1, "nonce": "n", "item": string(good)}, register.Foreign},
		{"no nonce", map[string]any{"format": 1, "number": 7, "item": string(good)}, register.Foreign},
		{"no JSON", map[string]any{"format": 1, "number": 7, "nonce": "n", "item": "{"}, register.Foreign},
		{"more than JSON", map[string]any{"format": 1, "number": 7, "nonce": "n", "item": "{}{}"}, register.Foreign},
		{"unknown member", map[string]any{"format": 1, "number": 7, "nonce": "n", "item": `{"colour":"red"}`}, register.Foreign},
	} {
		t.Run(row.what, func(t *testing.T) {
			row.item["subject"], row.item["entry"] = "client#"+key.String(), "item"
			s.Put(tableName, row.item)
			before := s.Dump()
			_, err := table.Fetch(t.Context(), key)
			failed(t, err, row.want)
			for _, was := range []register.Revision{{}, {Number: 3, Nonce: "x"}} {
				_, err = table.Replace(t.Context(), key, was, held("a"))
				failed(t, err, row.want)
			}
			if register.Unreachable(err) {
				t.Errorf("got a register out of reach: %v", err)
			}
			if got := s.Dump(); got != before {
				t.Errorf("got\n%s, want nothing changed:\n%s", got, before)
			}
		})
	}
}

func TestItemsHaveALimit(t *testing.T) {
	s, table := start(t)
	_, err := table.Replace(t.Context(), key, register.Revision{}, register.Item{}.Take(strings.Repeat("x", 1<<20), "", time.Now()))
	failed(t, err, register.TooLarge)
	if got := s.Count(""); got != 0 {
		t.Errorf("got %d requests, want none", got)
	}
}

// TestATableWithoutASortKeyIsRefused: a row put into such a table would replace all others
// of the client. Each read notices.
func TestATableWithoutASortKeyIsRefused(t *testing.T) {
	s := registertest.Run(t)
	s.CreateTable(tableName, "subject", "", "")
	_, err := open(s).Fetch(t.Context(), key)
	failed(t, err, register.OtherTable)
	_, err = open(s).Opened(t.Context(), key)
	failed(t, err, register.OtherTable)
}
