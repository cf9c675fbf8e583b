package pingone_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"pingrotate/pingone"
)

const plain = "Zx9-canary~Secret_0123456789.abc"

func TestSecretMasksItselfHoweverItIsPrinted(t *testing.T) {
	s := pingone.NewSecret(plain)
	exported := struct{ Secret pingone.Secret }{s}
	unexported := struct{ hidden pingone.Secret }{s}
	nested := map[string][]*struct{ hidden []pingone.Secret }{"k": {{[]pingone.Secret{s}}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%64s"} {
		for _, v := range []any{s, &s, exported, &exported, unexported, &unexported, nested, []pingone.Secret{s}, pingone.Credential{Secret: s}, pingone.Token{AccessToken: s}} {
			text := fmt.Sprintf(verb, v)
			noLeak(t, text, plain, fmt.Sprintf("%x", plain), fmt.Sprintf("%X", plain), fmt.Sprint([]byte(plain)))
		}
		if verb != "%p" {
			check(t, verb, fmt.Sprintf(verb, s), "[secret]")
		}
	}
	check(t, "String", s.String(), "[secret]")
	check(t, "Println", fmt.Sprintln(s, unexported.hidden), "[secret] [secret]\n")
}

func TestSecretMasksItselfInLogsAndEncodings(t *testing.T) {
	s := pingone.NewSecret(plain)
	var out bytes.Buffer
	for _, log := range []*slog.Logger{slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))} {
		log.Info("m", "s", s, "p", &s, "any", struct {
			Public  pingone.Secret
			private pingone.Secret
		}{s, s}, "err", errors.New(fmt.Sprint(s)), slog.Group("g", "s", s))
	}
	encoded, err := json.Marshal(map[string]any{"s": s, "p": &s, "list": []pingone.Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	check(t, "JSON", string(encoded), `{"list":["[secret]"],"p":"[secret]","s":"[secret]"}`)
	asKey, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(asKey)
	noLeak(t, out.String(), plain)
	check(t, "masks in the log", bytes.Count(out.Bytes(), []byte("[secret]")), 2*5+1)
}

func TestSecretIsReadFromJSONWithoutQuotingIt(t *testing.T) {
	var s pingone.Secret
	if err := json.Unmarshal([]byte(`"`+plain+`"`), &s); err != nil || s.Reveal() != plain {
		t.Errorf("got %v, want the secret", err)
	}
	for _, wrong := range []string{`{"` + plain + `":1}`, `["` + plain + `"]`, `12345678901234567890`} {
		err := json.Unmarshal([]byte(wrong), &s)
		if err == nil {
			t.Errorf("%s: got no error, want one", wrong)
			continue
		}
		noLeak(t, err.Error(), plain, "12345678901234567890")
	}
	if err := json.Unmarshal([]byte(`null`), &s); err != nil || !s.IsZero() {
		t.Errorf("null: got %v, want the empty secret", err)
	}
}

func TestSecretsCompareByValue(t *testing.T) {
	a, b, other, empty := pingone.NewSecret(plain), pingone.NewSecret(plain), pingone.NewSecret(plain+"x"), pingone.NewSecret("")
	for _, tt := range []struct {
		name string
		x, y pingone.Secret
		want bool
	}{
		{"same", a, b, true},
		{"itself", a, a, true},
		{"longer", a, other, false},
		{"empty", a, empty, false},
		{"empty first", empty, a, false},
		{"both empty", empty, pingone.Secret{}, false},
	} {
		check(t, tt.name, tt.x.Equal(tt.y), tt.want)
	}
	check(t, "empty is zero", empty.IsZero(), true)
	check(t, "reveal of empty", empty.Reveal(), "")
}

func TestFingerprintIsThatOfSha256sum(t *testing.T) {
	// printf abc | sha256sum
	check(t, "abc", pingone.NewSecret("abc").Fingerprint(), "ba7816bf")
	check(t, "empty", pingone.Secret{}.Fingerprint(), "")
}
