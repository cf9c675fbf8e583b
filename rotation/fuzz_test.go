package rotation_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pingrotate/rotation"
)

// addEvents adds each example event, cut within the value of another member.
func addEvents(f *testing.F, member string) {
	f.Helper()
	files, err := filepath.Glob("../events/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		before, after, _ := strings.Cut(string(text), "}")
		f.Add(before+`,"`+member+`":"`, `"}`+after)
	}
}

// FuzzEvent puts a RotationToken into events of any form. What passes as an event must have
// what a step needs, and no error may repeat the token.
func FuzzEvent(f *testing.F) {
	const proof = "8f14e45f-ceea-467f-a0b1-rotation-token"
	addEvents(f, "RotationToken")
	for _, s := range [][2]string{
		{`{"Step":"createSecret","SecretId":"s","ClientRequestToken":"` + token + `","RotationToken":"`, `"}`},
		{`{"Step":"createSecret","SecretId":"s","ClientRequestToken":"` + token + `","RotationToken":["`, `"]}`},
		{`{"Step":"`, `"}`},
		{`{"Step":"createSecret","SecretId":"`, `"}`},
		{`{"Step":"createSecret","SecretId":"s","ClientRequestToken":"`, `"}`},
		{`{"rotationtoken":"`, `","Step":"finishSecret","step":1}`},
		{`{"`, `":{}}`},
		{``, ``},
		{`{"RotationToken":"`, `\`},
		{"\xef\xbb\xbf{\"RotationToken\":\"", "\"}\x00"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		data := before + proof + after
		ev, err := rotation.ParseEvent([]byte(data))
		if err != nil {
			if ev.Step != "" || ev.SecretID != "" || ev.ClientRequestToken != "" || !ev.RotationToken.IsZero() {
				t.Errorf("got %v with the error %q, want no event", ev, err)
			}
			if strings.Contains(err.Error(), proof) || !strings.HasPrefix(err.Error(), "read the event: ") {
				t.Errorf("got error %q, want one that says what was read and quotes nothing of it", err)
			}
			return
		}
		switch ev.Step {
		case rotation.CreateSecret, rotation.SetSecret, rotation.TestSecret, rotation.FinishSecret:
		default:
			t.Errorf("got step %q, want one of the four", ev.Step)
		}
		if n := len(ev.SecretID); n < 1 || n > 2048 {
			t.Errorf("got a SecretId of %d characters, want 1 to 2048", n)
		}
		if n := len(ev.ClientRequestToken); n < 32 || n > 64 {
			t.Errorf("got a ClientRequestToken of %d characters, want 32 to 64", n)
		}
		if !json.Valid([]byte(data)) {
			t.Error("got an event from what is not JSON")
		}
		if ev.RotationToken.Reveal() == proof && strings.Contains(fmt.Sprintf("%+v %#v", ev.RotationToken, ev.RotationToken), proof) {
			t.Error("the event prints its RotationToken")
		}
	})
}

// FuzzAction puts a secret into an operator's event. What passes as an action must be a
// known one with only its own fields, and no error may repeat what it read.
func FuzzAction(f *testing.F) {
	const proof = "8f14e45f-ceea-467f-a0b1-client-secret"
	addEvents(f, "reason")
	for _, s := range [][2]string{
		{`{"action":"rotate","secretId":"`, `","emergency":"swift"}`},
		{`{"action":"rotate","secretId":"a","emergancy":"`, `"}`},
		{`{"action":"check","secretId":"a","document":"{\"clientSecret\":\"`, `\"}"}`},
		{`{"action":"audit","after":"`, `","secretId":"a"}`},
		{`{"action":["`, `"]}`},
		{`{"action":"rollback","secretId":"a","by":"`, "\n\"}"},
		{`{"action":"endPrevious","secretId":"a","previous":["`, `"]}`},
		{`{"ACTION":"rotate","secretid":"`, `"}`},
		{`{"action":"rotate","secretId":"a","ifStoredBefore":"`, `"}`},
		{`{"action":"rotate","secretId":"`, `"}{}`},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		a, err := rotation.ParseAction([]byte(before + proof + after))
		if err != nil {
			if strings.Contains(err.Error(), proof) && !strings.Contains(err.Error(), "unknown") || strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("got error %q, want one line that quotes nothing", err)
			}
			return
		}
		if strings.ContainsFunc(a.By+a.Reason, unicode.IsControl) || len(a.SecretID) > 2048 || a.Action != rotation.ActionAudit && a.SecretID == "" {
			t.Errorf("got %+v", a)
		}
		if a.Emergency != "" && (a.Action != rotation.ActionRotate || a.Emergency != rotation.Swift && a.Emergency != rotation.Contain) {
			t.Errorf("got the emergency %q of the action %q", a.Emergency, a.Action)
		}
	})
}

// Whatever the settings list, an admin is a name or a full ARN, never a pattern, and an
// error names the setting.
func FuzzAdminSecretIDs(f *testing.F) {
	for _, s := range []string{
		"pingone/admin", "a,b", " a , b ", "*", "pingone/*", "a\nb", ",", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/admin-AbCdEf",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:pingone/admin", "arn:aws:s3:::a", "a:b", "ä", strings.Repeat("a", 513),
	} {
		f.Add(s)
	}
	plain := regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)
	f.Fuzz(func(t *testing.T, list string) {
		s, err := rotation.ParseSettings(func(name string) string {
			if name == rotation.AdminsVariable {
				return list
			}
			return ""
		})
		if err != nil {
			if !strings.Contains(err.Error(), rotation.AdminsVariable) {
				t.Errorf("got %q, want the variable to be named", err)
			}
			return
		}
		for _, id := range s.AdminSecretIDs {
			rest, isARN := strings.CutPrefix(id, "arn:aws")
			if !plain.MatchString(id) && !isARN || isARN && !strings.Contains(rest, ":secret:") || strings.ContainsAny(id, "*?, ") || !strings.Contains(list, id) {
				t.Errorf("%q lists the admin %q", list, id)
			}
		}
	})
}
