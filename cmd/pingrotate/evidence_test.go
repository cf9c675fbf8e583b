package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/playground"
)

func TestEventsAreReadToTheLastPage(t *testing.T) {
	d := deploy(t, answered)
	const rotations = 2*playground.LinesPerPage + 50
	now := time.Now()
	d.cloud.Lines = func() (lines []playground.LogLine) {
		for n := range rotations {
			for range 3 { // between them are lines that are no evidence, and make pages empty
				lines = append(lines, playground.LogLine{At: now, Text: "REPORT"})
			}
			lines = append(lines, playground.LogLine{At: now, Text: fmt.Sprintf(`{"message":"rotation step","step":"finishSecret","version":"%036d","secretId":"orders"}`, n)})
		}
		return append(lines, playground.LogLine{At: now.Add(-time.Hour), Text: `{"message":"rotation step","step":"finishSecret","version":"old","secretId":"orders"}`})
	}
	entries, err := d.readLog(t.Context(), now.Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if len(join(entries)) != rotations {
		t.Errorf("got %d rotations, want %d", len(join(entries)), rotations)
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
		`50 pingone/orders 4 rollback bbbbbbbb→cccccccc rolledBack "bob"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := join(lines)[0].PromotedAt; p != at(9) {
		t.Errorf("promoted at %v, want %v", p, at(9))
	}
}

func TestEvidenceSaysEachErrorOnceAndInWords(t *testing.T) {
	at := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	all := []*evidence{
		{Name: "orders", Version: "1", Begun: at, By: bySecretsManager, Decision: "adopt", Changed: "created application 7", New: "aaaaaaaa", Outcome: "promoted", PromotedAt: at},
		{Name: "orders", Version: "2", Begun: at, By: bySecretsManager, Outcome: "failed", Error: "no admin"},
		{Name: "orders", Version: "3", Begun: at, By: bySecretsManager, Outcome: "failed", Error: "no admin"},
		{Name: "orders", Version: "1", Begun: at, By: "arn:aws:iam::123456789012:user/bob", Decision: "rollback", Old: "bbbbbbbb", New: "aaaaaaaa", Outcome: "rolledBack", PromotedAt: at},
	}
	var told strings.Builder
	if err := tellEvidence(&page{w: &told}, all, day); err != nil {
		t.Fatal(err)
	}
	want := `BEGUN                 SECRET  DECISION                OLD       NEW       OUTCOME      AT        BY
2026-11-24 01:00:00Z  orders  adopt, new application  -         aaaaaaaa  promoted     01:00:00  Secrets Manager
2026-11-24 01:00:00Z  orders  -                       -         -         failed       -         Secrets Manager
2026-11-24 01:00:00Z  orders  -                       -         -         failed       -         Secrets Manager
2026-11-24 01:00:00Z  orders  rollback                bbbbbbbb  aaaaaaaa  rolled back  01:00:00  user/bob

orders, versions 2, 3: no admin
`
	if told.String() != want {
		t.Errorf("got\n%s\nwant\n%s", told.String(), want)
	}
}
