package document_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/document"
	"pingrotate/pingone"
)

// largest is close to the longest text that a document may have.
const largest = 63000

// large returns documents of about this many bytes, of the kinds that are hard on a parser.
func large(size int) map[string]string {
	fill := func(open, one, end string, n int) string {
		var b strings.Builder
		b.WriteString(open)
		for i := 0; b.Len()+len(one)+len(end) < n; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, one, i)
		}
		return b.String() + end
	}
	head := `{"environmentId":"` + envID + `","region":"EU","clientId":"` + appID + `","clientSecret":"old",`
	return map[string]string{
		"members":    fill(head, `"%d":1`, "}", size),
		"nested":     head + `"x":` + strings.Repeat(`{"a":`, min(size/8, 4000)) + "1" + strings.Repeat("}", min(size/8, 4000)) + fill(`,"y":[`, `%d`, "]}", size-24000*size/largest),
		"allowances": fill(head+`"allow":[`, `{"secret":"pingone/s%d","environmentId":"`+envID+`","applications":["`+appID+`"]}`, "]}", size),
		"text":       head + `"x":"` + strings.Repeat(`\\\"\u0041é`, size/16) + `"}`,
		"named":      fill(head[:len(head)-len(`"clientSecret":"old",`)]+`"rotation":{"names":{"clientSecret":"/a/b/c/d/e/f/g/h"}},"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":"old",`, `"%d":1`, "}}}}}}}}", size),
	}
}

// measured is how long it takes to parse and to edit a document, relative to what
// json.Valid takes for the same bytes, so that the machine does not matter. Other load on
// the machine can only make times longer, so each is the shortest of many.
type measured struct{ valid, parse, edit, small time.Duration }

// again measures once more. The smaller document is of the same kind.
func (m *measured) again(tb testing.TB, text, smaller string) {
	tb.Helper()
	d, err := document.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range []struct {
		best *time.Duration
		work func()
	}{
		{&m.valid, func() { json.Valid([]byte(text)) }},
		{&m.parse, func() { document.Parse(text) }},
		{&m.edit, func() { d.With(pingone.NewSecret("new"), pingone.ClientSecretBasic, "e") }},
		{&m.small, func() { document.Parse(smaller) }},
	} {
		begun := time.Now()
		c.work()
		if took := time.Since(begun); *c.best == 0 || took < *c.best {
			*c.best = took
		}
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// BenchmarkDocument measures how much longer parsing and editing take than json.Valid, and
// how much longer for twice the size. They should stay below 5, 5 and 2.2.
func BenchmarkDocument(b *testing.B) {
	half := large(largest / 2)
	for name, text := range large(largest) {
		b.Run(name, func(b *testing.B) {
			var m measured
			for b.Loop() {
				m.again(b, text, half[name])
			}
			twice := ratio(m.parse, m.small) * float64(2*len(half[name])) / float64(len(text))
			b.ReportMetric(0, "ns/op") // of four measurements together says nothing
			b.ReportMetric(ratio(m.parse, m.valid), "parse/valid")
			b.ReportMetric(ratio(m.edit, m.valid), "edit/valid")
			b.ReportMetric(twice, "twice/once")
		})
	}
}

// TestParsingAndEditingAreLinear tells linear from quadratic on any machine: eight times
// the size takes 8 times as long, or 64.
func TestParsingAndEditingAreLinear(t *testing.T) {
	eighth := large(largest / 8)
	for name, text := range large(largest) {
		var m measured
		ok := false
		for n := 0; n < 500 && (n < 20 || !ok); n++ {
			m.again(t, text, eighth[name])
			ok = ratio(m.parse, m.valid) < 8 && ratio(m.edit, m.valid) < 8 && ratio(m.parse, m.small) < 24
		}
		if !ok {
			t.Errorf("%s: json.Valid takes %v, parsing %v, editing %v, parsing an eighth %v", name, m.valid, m.parse, m.edit, m.small)
		}
	}
}
