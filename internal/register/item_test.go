package register_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pingrotate/internal/register"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

var (
	holders      = rapid.SampledFrom([]string{"", "a", "b", "c"})
	applications = rapid.SampledFrom([]string{"original", "twin"})
	secrets      = rapid.SampledFrom([]string{orders, payments})
	moments      = rapid.Custom(func(t *rapid.T) time.Time {
		return noon.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "seconds")) * time.Second)
	})
	fingerprints = rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("f%d", rapid.IntRange(0, 40).Draw(t, "secret")) })
)

// transition applies any one transition to the item, and names it.
func transition(t *rapid.T, i register.Item, number int64) (string, register.Item) {
	app, arn, now, f := applications.Draw(t, "application"), secrets.Draw(t, "secret"), moments.Draw(t, "now"), fingerprints.Draw(t, "fingerprint")
	switch name := rapid.SampledFrom([]string{
		"take", "release", "begin", "announce", "forget", "minted", "seen", "promoted", "holds", "marked", "over",
	}).Draw(t, "transition"); name {
	case "take":
		return name, i.Take(holders.Draw(t, "holder"), "a test", now)
	case "release":
		return name, i.Release(holders.Draw(t, "holder"))
	case "begin":
		return name, i.Begin(now)
	case "announce":
		act := rapid.SampledFrom([]register.Act{register.Mint, register.End, register.Promote}).Draw(t, "act")
		return name, i.Announce(register.Intent{Act: act, Application: app, Secret: arn, Rotation: "r", By: "createSecret", Before: f, From: "v1", To: "v2", Fingerprint: f}, number, now)
	case "forget":
		return name, i.Forget()
	case "minted":
		return name, i.Minted(app, f, now, rapid.SliceOfN(fingerprints, 0, 2).Draw(t, "replaced")...)
	case "seen":
		return name, i.Seen(app, f)
	case "promoted":
		return name, i.Promoted(arn, "v1", "v2", f, now)
	case "holds":
		return name, i.Holds(arn)
	case "marked":
		e := leak(fmt.Sprintf("t%d", rapid.IntRange(0, 5).Draw(t, "command")))
		e.How = rapid.SampledFrom([]string{"swift", "contain"}).Draw(t, "how")
		e.Must = []register.Victim{{Application: app, Fingerprint: f}}
		return name, i.Marked(e, number)
	default:
		return name, i.Over(now)
	}
}

// anyItem is the zero item after any transitions.
var anyItem = rapid.Custom(func(t *rapid.T) register.Item {
	var i register.Item
	for n := range rapid.IntRange(0, 40).Draw(t, "transitions") {
		_, i = transition(t, i, int64(n+1))
	}
	return i
})

func encoded(t interface{ Fatal(...any) }, i register.Item) string {
	b, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTransitionsChangeNothingOfTheItemTheyAreCalledOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := anyItem.Draw(t, "item")
		before := encoded(t, i)
		next := i
		for n := range 8 { // a shared part of the item would change now
			_, next = transition(t, next, int64(100+n))
		}
		if after := encoded(t, i); after != before {
			t.Fatalf("got\n%s, want\n%s", after, before)
		}
	})
}

// TestATransitionSharesNothing compares the addresses of the parts of an item and of the
// next.
func TestATransitionSharesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := anyItem.Draw(t, "item")
		mine := map[uintptr]string{}
		walk(reflect.ValueOf(i), "item", func(at uintptr, path string) { mine[at] = path })
		walk(reflect.ValueOf(i.Release("nobody")), "item", func(at uintptr, path string) {
			if shared := mine[at]; shared != "" {
				t.Fatalf("%s is shared with %s", path, shared)
			}
		})
	})
}

// walk reports each pointer, map and slice within v.
func walk(v reflect.Value, path string, found func(uintptr, string)) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			found(v.Pointer(), path)
			walk(v.Elem(), path, found)
		}
	case reflect.Map:
		if !v.IsNil() {
			found(v.Pointer(), path)
		}
		for _, k := range v.MapKeys() {
			walk(v.MapIndex(k), path+"."+k.String(), found)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			found(v.Pointer(), path)
		}
		for n := range v.Len() {
			walk(v.Index(n), fmt.Sprintf("%s[%d]", path, n), found)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			walk(v.Field(n), path+"."+v.Type().Field(n).Name, found)
		}
	}
}

func TestMintedLeavesTheCallersListAlone(t *testing.T) {
	list := []string{"f1", "theirs"}
	register.Item{}.Announce(register.Intent{Act: register.Mint, Application: "original", Before: "f0"}, 1, noon).Minted("original", "f2", noon, list[:1]...)
	if list[1] != "theirs" {
		t.Errorf("got %q, want the caller's memory unchanged", list[1])
	}
}

func TestItemSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := anyItem.Draw(t, "item")
		text := encoded(t, i)
		var back register.Item
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatal(err)
		}
		if again := encoded(t, back); again != text {
			t.Fatalf("got\n%s, want\n%s", again, text)
		}
		// Empty and absent lists mean the same; nothing else may differ.
		if a, b := i.Release("nobody"), back.Release("nobody"); !reflect.DeepEqual(a, b) {
			t.Fatalf("got\n%#v, want\n%#v", b, a)
		}
	})
}

func TestItemsKeepTimeOfTheWallClock(t *testing.T) {
	now := time.Now() // with a reading of the monotonic clock
	i := register.Item{}.Begin(now).Take("a", "a test", now).
		Announce(register.Intent{Act: register.Mint, Application: "original"}, 1, now).
		Minted("original", "f1", now).Promoted(orders, "v1", "v2", "f1", now).
		Announce(register.Intent{Act: register.End, Application: "original"}, 2, now)
	e := leak("t1")
	e.Since = now
	i = i.Marked(e, 3)
	ended := i.Over(now)
	for what, at := range map[string]time.Time{
		"unknown": i.Unknown, "taken": i.Lease.Taken, "until": i.Lease.Until, "announced": i.Intent.Since,
		"minted": i.Applications["original"].Current.At, "promoted": i.Secrets[orders].Since,
		"since": i.Emergency.Since, "marked": i.Emergency.Marked, "ended": ended.Ended.At,
	} {
		if at.IsZero() || strings.Contains(at.String(), "m=") || at.Location() != time.UTC {
			t.Errorf("%s: got %v, want a time in UTC without the monotonic clock", what, at)
		}
	}
}

// TestItemIsBounded: an item fits, whatever is done to it and whatever people write into
// it.
func TestItemIsBounded(t *testing.T) {
	long := strings.Repeat("ü", 100_000)
	var i register.Item
	for n := range int64(2000) {
		f := fmt.Sprintf("sha256:%064d", n)
		i = i.Take("a", long, noon)
		i = i.Announce(register.Intent{Act: register.Mint, Application: "original", Before: f}, n, noon).Minted("original", f+"x", noon, f+"p")
		e := leak(fmt.Sprintf("11111111-1111-4111-8111-%012d", n))
		e.By, e.Reason = long, long
		e.Must = []register.Victim{{Application: "original", Fingerprint: f}}
		i = i.Marked(e, n)
	}
	first := "11111111-1111-4111-8111-000000000000"
	if got := len(encoded(t, i)); got > 60<<10 {
		t.Errorf("got %d bytes, want far less than a row may have", got)
	}
	if i.Emergency.ID != first || !i.Emergency.Has(first) || !i.Emergency.Has("11111111-1111-4111-8111-000000001999") {
		t.Errorf("got commands %v, want the first and the newest", i.Emergency.Commands)
	}
}
