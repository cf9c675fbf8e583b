package document_test

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"pingrotate/internal/document"
)

// inUTF16 is the text as a shell that writes UTF-16 stores it, as a string of bytes.
func inUTF16(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// T35 in rotation/testdata/cases.txt.
func TestMistakeOfEncodingIsNamedAsWhatItIs(t *testing.T) {
	good := valid("", "")
	for _, c := range []struct{ name, text, word string }{
		{"byte order mark", "\ufeff" + good, "byte order mark"},
		{"UTF-16, little-endian, with a mark", "\xff\xfe" + inUTF16(good, binary.LittleEndian), "UTF-16"},
		{"UTF-16, big-endian, with a mark", "\xfe\xff" + inUTF16(good, binary.BigEndian), "UTF-16"},
		{"UTF-16 without a mark", inUTF16(good, binary.LittleEndian), "UTF-16"},
		{"UTF-16 read as UTF-8", "\ufffd\ufffd" + inUTF16(good, binary.LittleEndian), "UTF-16"},
		{"quoted twice", strconv.Quote(good), "quoted twice"},
		{"quoted twice, with space around", " " + strconv.Quote("\n"+good) + "\n", "quoted twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := document.Parse(c.text)
			if err == nil || !strings.Contains(err.Error(), c.word) {
				t.Fatalf("got %v, want an error that says %q", err, c.word)
			}
			if !strings.Contains(err.Error(), "store") {
				t.Errorf("got error %q, want it to say what to do", err)
			}
			if strings.Contains(err.Error(), appID) {
				t.Errorf("the error quotes the document: %v", err)
			}
		})
	}
}

func TestNullMeansAbsent(t *testing.T) {
	for _, member := range []string{"authDomain", "clientSecret", "tokenEndpointAuthMethod", "tokenEndpoint", "privateKey", "keyId", "rotation", "allow"} {
		if _, err := document.Parse(valid(member, "null")); err != nil {
			t.Errorf("%s null: got %v, want no error", member, err)
		}
	}
	d, err := document.Parse(valid("rotation", `{"grace":null,"twin":null,"revokeWhenIdle":null,"names":null,"verify":{"scope":null,"claims":null},"application":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if d.Rotation.Application != nil || d.Rotation.Grace != 0 || d.Rotation.Verify.Scope != "" {
		t.Errorf("got %+v, want what an empty rotation means", d.Rotation)
	}
	for _, member := range []string{"environmentId", "region", "clientId"} {
		if _, err := document.Parse(valid(member, "null")); err == nil || !strings.Contains(err.Error(), member+": is missing") {
			t.Errorf("%s null: got %v, want that it is missing", member, err)
		}
	}
}

func TestMemberThatWasNullIsWrittenInPlace(t *testing.T) {
	d, err := document.Parse(`{"clientSecret":null,"environmentId":"` + envID + `","region":"EU","clientId":"` + appID + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.With(secret("new"), "CLIENT_SECRET_BASIC", "").Reveal(); !strings.HasPrefix(got, `{"clientSecret":"new","environmentId"`) || strings.Count(got, "clientSecret") != 1 {
		t.Errorf("got %s", got)
	}
}

func TestSecretWithALineBreakIsRefusedAndClientIDMayHaveSpaces(t *testing.T) {
	for _, s := range []string{`"abc\n"`, `"a\r\nb"`, `"a\u0000b"`} {
		_, err := document.Parse(valid("clientSecret", s))
		if err == nil || !strings.Contains(err.Error(), "field clientSecret: has a line break") {
			t.Errorf("clientSecret %s: got %v, want that it has a line break", s, err)
		}
	}
	text := strings.Replace(valid("rotation", `{"applicationId":"`+appID+`"}`), `"clientId":"`+appID+`"`, `"clientId":"my old client"`, 1)
	if d, err := document.Parse(text); err != nil || d.ClientID != "my old client" {
		t.Errorf("client id with spaces: got %v", err)
	}
}

func TestWhereADocumentIsNoJSONIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		`{"clientId": "hunter2",}`:                "line 1, column 24",
		"{\n  \"clientId\": \"ä\" \"hunter2\"\n}": "line 2, column 19",
		"{\n  \"clientSecret\": \"hunter2\"\n":    "line 3, column 1",
		"hunter2":                                 "it must be a JSON object",
	} {
		_, err := document.Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v, want %s and nothing of the text", text, err, want)
		}
	}
}
