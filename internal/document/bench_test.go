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

// largest is near to the longest text that a document may have.
const largest = 63000

// large are documents of about so many bytes, of the kinds that are hard on a parser.
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

func BenchmarkParse(b *testing.B) {
	for _, size := range []int{largest / 2, largest} {
		for name, text := range large(size) {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				for b.Loop() {
					if _, err := document.Parse(text); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%d/valid", name, size), func(b *testing.B) {
				for b.Loop() {
					json.Valid([]byte(text))
				}
			})
		}
	}
}

func BenchmarkWith(b *testing.B) {
	for name, text := range large(largest) {
		d, err := document.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d.With(pingone.NewSecret("new"), pingone.ClientSecretBasic, "https://auth.pingone.eu/x/as/token")
			}
		})
	}
}

// fastest returns how long the work takes when nothing else disturbs it.
func fastest(work func()) time.Duration {
	best := time.Hour
	for range 8 {
		begun := time.Now()
		for range 4 {
			work()
		}
		best = min(best, time.Since(begun)/4)
	}
	return best
}

// TestParsingAndEditingAreLinear compares with the JSON of the standard library on the
// same bytes, so that the machine does not matter. What else runs on it does, and only
// makes times longer: so each comparison has several chances.
func TestParsingAndEditingAreLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	half := large(largest / 2)
	for name, text := range large(largest) {
		d, err := document.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		size := float64(len(text)) / float64(2*len(half[name])) // of twice the half
		ok := false
		valid, parse, edit, small := time.Hour, time.Hour, time.Hour, time.Hour
		for chance := 0; chance < 12 && !ok; chance++ {
			valid = min(valid, fastest(func() { json.Valid([]byte(text)) }))
			parse = min(parse, fastest(func() { document.Parse(text) }))
			edit = min(edit, fastest(func() { d.With(pingone.NewSecret("new"), pingone.ClientSecretBasic, "e") }))
			small = min(small, fastest(func() { document.Parse(half[name]) }))
			ok = parse <= 4*valid && edit <= 4*valid && float64(parse) <= 2.2*size*float64(small)
		}
		t.Logf("%-10s json.Valid %v, parse %.1f times, edit %.1f times, twice the size %.2f times", name, valid,
			float64(parse)/float64(valid), float64(edit)/float64(valid), float64(parse)/float64(small)/size)
		if !ok {
			t.Errorf("%s: want to parse and to edit in at most 4 times what json.Valid takes, and in at most 2.2 times for twice the size", name)
		}
	}
}
