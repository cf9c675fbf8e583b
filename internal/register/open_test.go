package register_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/memory"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

func leak(id string) register.Emergency {
	at := time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)
	return register.Emergency{
		ID: id, Since: at, Marked: at, How: "swift", By: "ops", Reason: "in a public repository", Secret: orders,
		Must: []register.Victim{{Application: key.ID, Fingerprint: "sha256:0a1b"}},
	}
}

// mark opens an emergency of the client, as it is now, and returns the error.
func mark(t *testing.T, table *register.Table, k register.Key, e register.Emergency) error {
	t.Helper()
	was := ok[register.Revision](t)(table.Fetch(t.Context(), k))
	_, err := table.Mark(t.Context(), k, was, was.Item.Marked(e, was.Number+1), e, orders)
	return err
}

func TestOpenEmergenciesAreKeptUntilClosed(t *testing.T) {
	inEachStore(t, withEvidence(func(t *testing.T, s store) {
		table := s.open()
		opened := func(k register.Key) []string {
			t.Helper()
			all := []string{}
			for _, e := range ok[[]register.Emergency](t)(s.open().Opened(t.Context(), k)) {
				all = append(all, e.ID+" "+e.How)
			}
			return all
		}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
		do(mark(t, table, key, leak("t1")))
		do(mark(t, table, key, leak("t2")))
		do(mark(t, table, other, leak("t3")))
		worse := leak("t2")
		worse.How = "contain"
		do(mark(t, table, key, worse))
		if got := opened(key); fmt.Sprint(got) != "[t1 swift t2 contain]" {
			t.Errorf("got %v, want both, the second as it was stored last", got)
		}
		if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), other)); len(got) != 1 || !reflect.DeepEqual(got[0], leak("t3")) {
			t.Errorf("got %+v, want what was stored", got)
		}
		do(table.Close(t.Context(), key, "t1", "t9"))
		if got := opened(key); fmt.Sprint(got) != "[t2 contain]" {
			t.Errorf("got %v, want the one that is not closed", got)
		}
		do(table.Close(t.Context(), key))
		do(table.Close(t.Context(), key, "t2"))
		if got := opened(key); len(got) != 0 {
			t.Errorf("got %v, want none", got)
		}
		if got := opened(other); len(got) != 1 {
			t.Errorf("got %v of another client, want one", got)
		}
		if got := ok[register.Revision](t)(table.Fetch(t.Context(), key)); got.Number != 4 || !got.Item.Emergency.Has("t1") || !got.Item.Emergency.Has("t2") {
			t.Errorf("got %+v, want the item with both marks", got)
		}
	}))
}

// TestOpenEmergencySurvivesTheItem: the item is lost with all it says; the emergency is
// not.
func TestOpenEmergencySurvivesTheItem(t *testing.T) {
	s, table := start(t)
	if err := mark(t, table, key, leak("t1")); err != nil {
		t.Fatal(err)
	}
	s.Remove(tableName, func(row string) bool { return strings.Contains(row, `"entry":{"S":"item"}`) })
	if got := ok[register.Revision](t)(table.Fetch(t.Context(), key)); got.Number != 0 {
		t.Errorf("got %+v, want no item yet", got)
	}
	// The open row does not count as an item: the first revision can be written.
	ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
	if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 1 {
		t.Errorf("got %d open emergencies, want 1", len(got))
	}
}

func TestOpenAndCloseThroughEachFault(t *testing.T) {
	for _, kind := range fault.Kinds() {
		t.Run(kind.String(), inBubble(func(t *testing.T, s *registertest.Server, table *register.Table) {
			check := func(err error) (done bool) {
				t.Helper()
				if kind == fault.Denied {
					failed(t, err, register.Denied)
					return false
				}
				if err != nil {
					t.Errorf("got %v, want success: there was but one fault", err)
				}
				return err == nil
			}
			want := 0
			s.Fail("TransactWriteItems", kind)
			if check(mark(t, table, key, leak("t1"))) {
				want = 1
			}
			item := ok[register.Revision](t)(table.Fetch(t.Context(), key)).Item
			holders := ok[[]string](t)(table.Holders(t.Context(), key))
			if item.Emergency.Has("t1") != (want == 1) || len(holders) != want {
				t.Errorf("the item is marked %t, and %v hold the client; want all of it or nothing", item.Emergency.Has("t1"), holders)
			}
			s.Fail("Query", kind)
			all, err := table.Opened(t.Context(), key)
			if check(err) && len(all) != want {
				t.Errorf("got %v, want %d", all, want)
			}
			s.Fail("DeleteItem", kind)
			if check(table.Close(t.Context(), key, "t1")) {
				want = 0
			}
			s.Before(nil)
			if all := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(all) != want {
				t.Errorf("got %v, want %d", all, want)
			}
		}))
	}
}

// TestOpenEmergenciesOfAllClientsAreListedUntilClosed: each with its client, and with the
// managed secret that it was commanded for.
func TestOpenEmergenciesOfAllClientsAreListedUntilClosed(t *testing.T) {
	inEachStore(t, withEvidence(func(t *testing.T, s store) {
		table := s.open()
		listed := func() []string {
			t.Helper()
			all := []string{}
			for _, o := range ok[[]register.Open](t)(s.open().AllOpened(t.Context())) {
				all = append(all, o.Key.String()+" "+o.Emergency.ID+" "+o.Emergency.Secret)
				if !o.Emergency.Since.Equal(leak("").Since) {
					t.Errorf("got %v, want since when it is open", o.Emergency.Since)
				}
			}
			slices.Sort(all)
			return all
		}
		want := func(what string, rows ...string) {
			t.Helper()
			slices.Sort(rows)
			if got := listed(); !slices.Equal(got, rows) {
				t.Errorf("%s: got %q, want %q", what, got, rows)
			}
		}
		want("at first")
		for k, ids := range map[register.Key][]string{key: {"t1", "t2"}, other: {"t3"}} {
			for _, id := range ids {
				if err := mark(t, table, k, leak(id)); err != nil {
					t.Fatal(err)
				}
			}
		}
		want("opened", key.String()+" t1 "+orders, key.String()+" t2 "+orders, other.String()+" t3 "+orders)
		if err := table.Close(t.Context(), key, "t1", "t2"); err != nil {
			t.Fatal(err)
		}
		want("closed", other.String()+" t3 "+orders)
	}))
}

// TestMarkThatWasOvertakenStoresNothing: neither the item nor a row beside it.
func TestMarkThatWasOvertakenStoresNothing(t *testing.T) {
	inEachStore(t, withEvidence(func(t *testing.T, s store) {
		table := s.open()
		was := ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
		found := ok[register.Revision](t)(s.open().Replace(t.Context(), key, was, held("b")))
		_, err := table.Mark(t.Context(), key, was, was.Item.Marked(leak("t1"), was.Number+1), leak("t1"), orders)
		overtaken, is := errors.AsType[*register.OvertakenError](err)
		if !is || !reflect.DeepEqual(overtaken.Found, found) {
			t.Fatalf("got %v, want it overtaken by %+v", err, found)
		}
		if all := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(all) != 0 {
			t.Errorf("got %v open, want none", all)
		}
		if all := ok[[]string](t)(table.Holders(t.Context(), key)); len(all) != 0 {
			t.Errorf("got the holders %v, want none", all)
		}
		ok[register.Revision](t)(table.Mark(t.Context(), key, found, found.Item.Marked(leak("t1"), found.Number+1), leak("t1"), orders))
		if all := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(all) != 1 {
			t.Errorf("got %v open, want one", all)
		}
	}))
}

func TestOpenEmergencyOfANewerProgramIsRefused(t *testing.T) {
	s, table := start(t)
	s.Put(tableName, map[string]any{"subject": "client#" + key.String(), "entry": "emergency#t1", "format": 2, "emergency": "{}"})
	_, err := table.Opened(t.Context(), key)
	failed(t, err, register.Newer)
}

func TestOpenedAndEvidenceAreConsistent(t *testing.T) {
	s, table := start(t)
	s.LagReads(time.Hour)
	if err := mark(t, table, key, leak("t1")); err != nil {
		t.Fatal(err)
	}
	if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 1 {
		t.Errorf("got %d open emergencies, want 1", len(got))
	}
	if err := table.Append(t.Context(), register.Evidence{What: "rotate"}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, table, register.Query{}); len(got) != 1 {
		t.Errorf("got %v, want the evidence", got)
	}
}

func TestARowIsRestatedOnlyWhileItIsThere(t *testing.T) {
	inEachStore(t, func(t *testing.T, s store) {
		table := s.open()
		row := leak("t1")
		row.Minted = map[string]string{"a": "f9"}
		if err := mark(t, table, key, leak("t1")); err != nil {
			t.Fatal(err)
		}
		if err := table.Restate(t.Context(), key, row); err != nil {
			t.Fatal(err)
		}
		if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 1 || got[0].Minted["a"] != "f9" {
			t.Errorf("got %+v, want the row as it was restated", got)
		}
		if err := table.Close(t.Context(), key, "t1"); err != nil {
			t.Fatal(err)
		}
		if err := table.Restate(t.Context(), key, row); err != nil {
			t.Errorf("a row that is closed: got %v, want it to be left closed", err)
		}
		if got := ok[[]register.Emergency](t)(table.Opened(t.Context(), key)); len(got) != 0 {
			t.Errorf("got %+v, want none", got)
		}
	})
}

// once answers the first request for an action as DynamoDB does while another write of
// the item is under way.
type once struct {
	http.RoundTripper
	action, body string
	answered     bool
}

func (o *once) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.answered || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+o.action) {
		return o.RoundTripper.RoundTrip(r)
	}
	o.answered = true
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(o.body)), Request: r,
	}, nil
}

// TestAWriteThatMeetsATransactionIsSentAgain: a write that is refused because another write
// of the item is under way has neither succeeded nor been overtaken yet.
func TestAWriteThatMeetsATransactionIsSentAgain(t *testing.T) {
	inBubble(func(t *testing.T, s *registertest.Server, table *register.Table) {
		for _, o := range []*once{
			{action: "PutItem", body: `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}`},
			{action: "TransactWriteItems", body: `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"Transaction cancelled","CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"},{"Code":"None"},{"Code":"None"},{"Code":"None"}]}`},
		} {
			o.RoundTripper = &memory.Transport{Handler: s}
			table := bubbled(s)
			table.Connection.HTTPClient = &http.Client{Transport: o}
			was := ok[register.Revision](t)(table.Fetch(t.Context(), key))
			var err error
			if o.action == "PutItem" {
				_, err = table.Replace(t.Context(), key, was, held("a"))
			} else {
				_, err = table.Mark(t.Context(), key, was, was.Item.Marked(leak("t1"), was.Number+1), leak("t1"), orders)
			}
			if err != nil || !o.answered {
				t.Errorf("%s: got %v, refused %t; want it written after a refusal", o.action, err, o.answered)
			}
		}
		if item := ok[register.Revision](t)(table.Fetch(t.Context(), key)).Item; !item.Emergency.Has("t1") {
			t.Errorf("got %+v, want the mark", item)
		}
	})(t)
}
