package register_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

const payments = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/payments-GhIjKl"

// read returns the "what" members of the rows that a query chooses.
func read(t *testing.T, table *register.Table, q register.Query) []string {
	t.Helper()
	all := []string{}
	for e, err := range table.Evidence(t.Context(), q) {
		if err != nil {
			t.Fatalf("read evidence: %v", err)
		}
		all = append(all, e.What)
	}
	return all
}

func TestEvidenceIsReadBySecretAndByTimeInBothDirections(t *testing.T) {
	inEachStore(t, withEvidence(func(t *testing.T, s store) {
		table := s.open()
		at := func(text string) time.Time {
			when, err := time.Parse(time.DateTime, text)
			if err != nil {
				t.Fatal(err)
			}
			return when
		}
		table.Now = func() time.Time { return at("2027-02-10 12:00:00") }
		for _, row := range []struct{ secret, what, at string }{
			{orders, "o-november", "2026-11-30 23:59:59"},
			{payments, "p-december", "2026-12-01 00:00:00"},
			{orders, "o-january", "2027-01-31 10:00:00"},
			{"", "audit", "2027-01-31 11:00:00"},
			{orders, "o-february", "2027-02-01 00:00:00"},
			{payments, "p-today", "2027-02-10 11:59:59"},
		} {
			if err := table.Append(t.Context(), register.Evidence{Secret: row.secret, What: row.what, At: at(row.at)}); err != nil {
				t.Fatal(err)
			}
		}
		for _, row := range []struct {
			name string
			q    register.Query
			want string
		}{
			{"all", register.Query{}, "o-november p-december o-january audit o-february p-today"},
			{"all, newest first", register.Query{Newest: true}, "p-today o-february audit o-january p-december o-november"},
			{"one secret", register.Query{Secret: orders}, "o-november o-january o-february"},
			{"one secret, newest first", register.Query{Secret: orders, Newest: true}, "o-february o-january o-november"},
			{"since", register.Query{Since: at("2027-01-31 11:00:00")}, "audit o-february p-today"},
			{"until", register.Query{Until: at("2027-01-31 11:00:00")}, "o-november p-december o-january"},
			{"between", register.Query{Secret: orders, Since: at("2027-01-01 00:00:00"), Until: at("2027-02-01 00:00:00")}, "o-january"},
			{"nothing", register.Query{Since: at("2027-02-10 12:00:00")}, ""},
			{"the wrong way round", register.Query{Since: at("2027-02-01 00:00:00"), Until: at("2027-01-01 00:00:00")}, ""},
			{"no such secret", register.Query{Secret: orders + "x"}, ""},
		} {
			if got := strings.Join(read(t, table, row.q), " "); got != row.want {
				t.Errorf("%s: got %q, want %q", row.name, got, row.want)
			}
		}
	}))
}

func TestEvidenceIsReadWhole(t *testing.T) {
	inEachStore(t, withEvidence(func(t *testing.T, s store) {
		table := s.open()
		want := register.Evidence{
			ID: "e1", At: s.now, Secret: orders, EnvironmentID: key.EnvironmentID, ClientID: key.ID, Rotation: "11111111-1111-4111-8111-111111111111",
			What: "createSecret", Who: "Secrets Manager", Decision: "regenerate", Fingerprints: []string{"sha256:0a1b", "sha256:2c3d"},
			Report: json.RawMessage(`{"minted":true}`),
		}
		if err := table.Append(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		for _, q := range []register.Query{{}, {Secret: orders}} {
			for got, err := range table.Evidence(t.Context(), q) {
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, %v, want %+v", got, err, want)
				}
			}
			if n := len(read(t, table, q)); n != 1 {
				t.Errorf("got %d rows, want 1", n)
			}
		}
	}))
}

func TestEvidenceOfOneMomentKeepsEachRow(t *testing.T) {
	inEachStore(t, withEvidence(func(t *testing.T, s store) {
		table := s.open()
		for range 5 {
			if err := table.Append(t.Context(), register.Evidence{Secret: orders, What: "same", At: s.now}); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, table, register.Query{}); len(got) != 5 {
			t.Errorf("got %d rows, want 5", len(got))
		}
	}))
}

func TestEvidenceIsFetchedPageByPageAsItIsRead(t *testing.T) {
	s, table := start(quiet{t})
	report := json.RawMessage(`"` + strings.Repeat("x", register.MaxReport-2) + `"`)
	const rows = 40 // of 64 KB, in pages of 1 MB
	want := []string{}
	for n := range rows {
		what := fmt.Sprint(n)
		want = append(want, what)
		err := table.Append(t.Context(), register.Evidence{Secret: orders, What: what, At: s.Now().Add(time.Duration(n-rows) * time.Second), Report: report})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range table.Evidence(t.Context(), register.Query{Secret: orders}) {
		break
	}
	if got := s.Count("Query"); got != 1 {
		t.Errorf("got %d pages for one row, want 1", got)
	}
	if got := read(t, table, register.Query{Secret: orders}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := s.Count("Query"); got < 4 {
		t.Errorf("got %d pages for %d rows of 64 KB, want several", got-1, rows)
	}
}

func TestEvidenceExpires(t *testing.T) {
	s, table := start(t)
	table.Retention = 24 * time.Hour
	if err := table.Append(t.Context(), register.Evidence{Secret: orders, What: "old"}); err != nil {
		t.Fatal(err)
	}
	ok[register.Revision](t)(table.Replace(t.Context(), key, register.Revision{}, held("a")))
	s.Advance(24*time.Hour - time.Second)
	if got := read(t, table, register.Query{}); len(got) != 1 {
		t.Errorf("got %v, want one", got)
	}
	s.Advance(time.Second)
	for _, q := range []register.Query{{}, {Secret: orders}} {
		if got := read(t, table, q); len(got) != 0 {
			t.Errorf("got %v, want what has expired to be left out although the table has it", got)
		}
	}
	s.Advance(time.Second)
	if got := s.Expire(); got != 2 {
		t.Errorf("the service deleted %d rows, want the two of the evidence", got)
	}
	if got := ok[register.Revision](t)(table.Fetch(t.Context(), key)); got.Number != 1 {
		t.Errorf("got revision %d, want the item to stay", got.Number)
	}
}

func TestReportThatIsTooLargeOrNoJSONIsLeftOut(t *testing.T) {
	s, table := start(quiet{t})
	for _, report := range []string{`"` + strings.Repeat("x", register.MaxReport) + `"`, "{"} {
		err := table.Append(t.Context(), register.Evidence{Secret: orders, What: "audit", At: s.Now(), Report: json.RawMessage(report)})
		if err != nil {
			t.Fatal(err)
		}
		last := register.Evidence{}
		for e, err := range table.Evidence(t.Context(), register.Query{Secret: orders}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Omitted == len(report) {
				last = e
			}
		}
		if last.What != "audit" || last.Report != nil {
			t.Errorf("got %+v, want the evidence without its report", last)
		}
	}
}

// TestAppendThroughEachFault: evidence is stored in both places, once, or not at all.
func TestAppendThroughEachFault(t *testing.T) {
	for _, kind := range fault.Kinds() {
		t.Run(kind.String(), inBubble(func(t *testing.T, s *registertest.Server, table *register.Table) {
			s.Fail("TransactWriteItems", kind)
			err := table.Append(t.Context(), register.Evidence{Secret: orders, What: "rotate"})
			want := 1
			if kind == fault.Denied {
				failed(t, err, register.Denied)
				want = 0
			} else if err != nil {
				t.Errorf("got %v, want success: there was but one fault", err)
			}
			for _, q := range []register.Query{{}, {Secret: orders}} {
				if got := read(t, table, q); len(got) != want {
					t.Errorf("got %v, want %d", got, want)
				}
			}
		}))
	}
}
