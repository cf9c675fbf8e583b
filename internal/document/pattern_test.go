package document

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPatternStopsAtSegments(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/orders-AbCdEf"
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"pingone/orders", "pingone/orders", true},
		{"pingone/orders", "pingone/orders-api", false},
		{"pingone/*", "pingone/orders", true},
		{"pingone/*", "pingone/", true},
		{"pingone/*", "pingone/team/orders", false},
		{"pingone/**", "pingone/team/orders", true},
		{"pingone/**", "pingone", false},
		{"*/orders", "pingone/orders", true},
		{"*/orders", "a/b/orders", false},
		{"**/orders", "a/b/orders", true},
		{"*", "orders", true},
		{"*", "pingone/orders", false},
		{"**", "pingone/orders", true},
		{"***", "pingone/orders", true},
		{"pingone/*-api", "pingone/orders-api", true},
		{"pingone/*-api", "pingone/api-api-", false},
		{"p*/**/x*y", "pingone/a/b/xyxy", true},
		{"a**b*c", "a/b/c", false},
		{"a**b*c", "a/b/bc", true},
		{"arn:aws:secretsmanager:*:123456789012:secret:pingone/*", arn, true},
		{"arn:aws:secretsmanager:*:secret:pingone/*", arn, false},
		{"arn:**:secret:pingone/*", arn, true},
		{"", "", false},
	} {
		p, err := parsePattern(c.pattern)
		if got := err == nil && p.matches(c.name); got != c.want {
			t.Errorf("%q stands for %q: got %t, want %t", c.pattern, c.name, got, c.want)
		}
	}
	if _, err := parsePattern(strings.Repeat("*", longest+1)); err == nil {
		t.Error("a pattern that is too long: got no error")
	}
}

// Six stars in a pattern once stopped every audit: each name was matched in all the ways in
// which the stars can share it.
func TestNoPatternTakesLongOnAnyName(t *testing.T) {
	name := strings.Repeat("a", 2000)
	for _, text := range []string{
		strings.Repeat("*a", longest/2-1) + "b", strings.Repeat("**a", longest/3-1) + "b", strings.Repeat("a*", 100) + strings.Repeat("**a", 200) + "b",
		strings.Repeat("*", longest-1) + "b", strings.Repeat("a", 500) + "*" + strings.Repeat("a", 500) + "b",
	} {
		p, err := parsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		fastest := time.Hour
		for range 5 {
			begun := time.Now()
			p.matches(name)
			fastest = min(fastest, time.Since(begun))
		}
		if fastest > 5*time.Millisecond {
			t.Errorf("%d bytes that begin with %q take %v", len(text), text[:6], fastest)
		}
	}
}

// FuzzPattern compares with the regular expression that a pattern abbreviates.
func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"pingone/*", "pingone/a"}, {"**/x*y", "a/b/xzy"}, {"a**b*c", "a/b/bc"}, {"*a*a*a*a*a*a", strings.Repeat("a", 40)}, {"[.]", "[.]"}, {"\xff*", "\xff\xfe"}, {"*", ""},
		{strings.Repeat("a*", 70), strings.Repeat("ab", 70)}, {"***a", "/a"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := parsePattern(text)
		if err != nil || len(text) > 200 || len(name) > 300 {
			return
		}
		// The bytes as characters: a regular expression takes nothing else.
		var expression, characters strings.Builder
		for i := 0; i < len(text); i++ {
			stars := len(text[i:]) - len(strings.TrimLeft(text[i:], "*"))
			switch {
			case stars > 1:
				expression.WriteString(`.*`)
				i += stars - 1
			case stars == 1:
				expression.WriteString(`[^/:]*`)
			default:
				expression.WriteString(regexp.QuoteMeta(string(rune(text[i]))))
			}
		}
		for i := range len(name) {
			characters.WriteRune(rune(name[i]))
		}
		want := regexp.MustCompile(`(?s)^(?:` + expression.String() + `)$`).MatchString(characters.String())
		if got := p.matches(name); got != want {
			t.Errorf("%q stands for %q: got %t, want %t", text, name, got, want)
		}
	})
}
