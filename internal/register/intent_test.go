package register_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pingrotate/internal/register"
)

var mint = register.Intent{Act: register.Mint, Application: "original", Secret: orders, Rotation: "r1", By: "createSecret", Before: "f0"}

func TestIntentIsOverdueOnceItsEffectMustShow(t *testing.T) {
	in := register.Item{}.Announce(mint, 7, noon).Intent
	if in.Announced != 7 || !in.Since.Equal(noon) {
		t.Errorf("got %+v, want it announced by revision 7 at noon", in)
	}
	due := noon.Add(register.ResolveTime)
	for _, at := range []time.Time{noon, due.Add(-1), due, due.Add(time.Hour)} {
		over, from := in.Overdue(at)
		if over != !at.Before(due) || !from.Equal(due) {
			t.Errorf("at %v: got %v from %v on, want it from %v on", at, over, from, due)
		}
	}
}

func TestMintIsRecordedAsItWasAnnounced(t *testing.T) {
	i := register.Item{}.Seen("original", "f0").Announce(mint, 7, noon).Minted("original", "f1", noon.Add(time.Second), "f9")
	want := register.Minted{Fingerprint: "f1", At: noon.Add(time.Second), Announced: 7, Rotation: "r1", Secret: orders, By: "createSecret"}
	a := i.Applications["original"]
	if a.Current != want || i.Intent != nil {
		t.Errorf("got %+v and intent %+v, want %+v and none", a.Current, i.Intent, want)
	}
	for _, f := range []string{"f0", "f9"} {
		if !i.Superseded("original", f) {
			t.Errorf("%s is not superseded", f)
		}
	}
	for _, f := range []string{"f1", "", "f7"} {
		if i.Superseded("original", f) {
			t.Errorf("%q is superseded", f)
		}
	}
	if i.Superseded("twin", "f0") {
		t.Error("the twin's is superseded as well")
	}
	again := i.Minted("original", "f1", noon.Add(time.Hour))
	if got := again.Applications["original"].Current; got != want {
		t.Errorf("recorded twice: got %+v, want %+v", got, want)
	}
}

func TestMintOfAnotherLeavesTheIntent(t *testing.T) {
	i := register.Item{}.Announce(mint, 7, noon).Minted("twin", "f1", noon)
	if i.Intent == nil {
		t.Error("the intent is gone")
	}
	if got := i.Applications["twin"].Current; got.Announced != 0 {
		t.Errorf("got %+v, want a mint that was not announced", got)
	}
	end := register.Item{}.Announce(register.Intent{Act: register.End, Application: "original", Before: "f0"}, 7, noon).Minted("original", "f1", noon)
	if end.Intent == nil || end.Applications["original"].Current.Announced != 0 {
		t.Error("a mint was taken for the outcome of another act")
	}
}

func TestWhatWasSeenFirstIsAnnouncedStill(t *testing.T) {
	i := register.Item{}.Announce(mint, 7, noon).Seen("original", "f1").Minted("original", "f1", noon)
	if got := i.Applications["original"].Current; got.Announced != 7 || got.Rotation != "r1" {
		t.Errorf("got %+v, want it announced by revision 7", got)
	}
}

func TestSeenBelievesNothingThatIsSuperseded(t *testing.T) {
	i := register.Item{}.Seen("original", "f0").Seen("original", "f1")
	if got := i.Applications["original"].Current.Fingerprint; got != "f1" || !i.Superseded("original", "f0") {
		t.Errorf("got current %s, want f1 in place of f0", got)
	}
	for _, f := range []string{"f0", "f1", ""} { // stale, known, none
		if got := i.Seen("original", f).Applications["original"].Current.Fingerprint; got != "f1" {
			t.Errorf("seen %q: got current %s, want f1", f, got)
		}
	}
}

// TestSupersededIsMonotone: PingOne makes new secrets and shows old ones late, in any
// order. A replaced secret stays superseded, and the current one never is.
func TestSupersededIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var i register.Item
		made := []string{"f0"} // by PingOne, in order
		replaced := []string{} // by what the register was told
		for n := range rapid.IntRange(1, 20).Draw(t, "moves") {
			was := i.Applications["original"].Current.Fingerprint
			switch rapid.SampledFrom([]string{"mint", "console", "look", "late look"}).Draw(t, "move") {
			case "mint":
				before := made[len(made)-1]
				made = append(made, fmt.Sprintf("f%d", len(made)))
				i = i.Announce(register.Intent{Act: register.Mint, Application: "original", Before: before}, int64(n+1), noon).
					Minted("original", made[len(made)-1], noon, before)
				replaced = append(replaced, before)
			case "console":
				made = append(made, fmt.Sprintf("f%d", len(made)))
			case "look":
				i = i.Seen("original", made[len(made)-1])
			case "late look":
				// A secret that the register never knew, such as one from a console, passes
				// for a newer one.
				if f := rapid.SampledFrom(made).Draw(t, "shown"); slices.Contains(replaced, f) {
					i = i.Seen("original", f)
				}
			}
			now := i.Applications["original"].Current.Fingerprint
			if was != "" && was != now {
				replaced = append(replaced, was)
			}
			if now != "" && i.Superseded("original", now) {
				t.Fatalf("current %s is superseded: %+v", now, i)
			}
			for _, f := range replaced {
				if !i.Superseded("original", f) {
					t.Fatalf("%s was replaced, and is not superseded: %+v", f, i)
				}
			}
		}
	})
}

func TestPromotionIsRecordedAndCountsAgainstALookForAWhile(t *testing.T) {
	promote := register.Intent{Act: register.Promote, Secret: orders, From: "v1", To: "v2", Fingerprint: "f1"}
	i := register.Item{}.Holds(orders).Announce(promote, 3, noon).Promoted(orders, "v1", "v2", "f1", noon)
	want := register.Secret{Version: "v2", Fingerprint: "f1", Left: "v1", Since: noon}
	if got := i.Secrets[orders]; got != want || i.Intent != nil {
		t.Errorf("got %+v and intent %+v, want %+v and none", got, i.Intent, want)
	}
	for _, row := range []struct {
		arn, version string
		after        time.Duration
		want         bool
	}{
		{orders, "v1", 0, true}, {orders, "v1", -register.Skew, true}, {orders, "v1", register.ReadLag - 1, true},
		{orders, "v1", register.ReadLag, false}, {orders, "v2", 0, false}, {orders, "v0", 0, false}, {orders, "", 0, false}, {payments, "v1", 0, false},
	} {
		if got := i.MovedOn(row.arn, row.version, noon.Add(row.after)); got != row.want {
			t.Errorf("%s %q after %v: got %v, want %v", row.arn, row.version, row.after, got, row.want)
		}
	}
	if other := i.Announce(promote, 4, noon).Promoted(payments, "v1", "v2", "f1", noon); other.Intent == nil {
		t.Error("another secret's promotion ended the intent")
	}
	if got := i.Holds(orders).Secrets[orders]; got != want {
		t.Errorf("got %+v, want what is known to stay", got)
	}
}

func TestForgetLeavesTheRest(t *testing.T) {
	i := register.Item{}.Take("a", "audit", noon).Announce(mint, 7, noon).Forget()
	if i.Intent != nil || i.Lease.Holder != "a" || i.Applications["original"].Current.Fingerprint != "" {
		t.Errorf("got %+v, want the lease alone", i)
	}
}
