package rotation_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pingrotate/rotation"
)

// FuzzEvent puts a RotationToken into events of any form. What is taken for an
// event must have what a step needs, and no error may repeat the token.
func FuzzEvent(f *testing.F) {
	const proof = "8f14e45f-ceea-467f-a0b1-rotation-token"
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
		f.Add(before+`,"RotationToken":"`, `"}`+after)
	}
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
