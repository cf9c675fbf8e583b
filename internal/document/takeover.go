package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// TakeOver returns the text of a document that applications already read, as a document of
// this function. The members are added at the end of the top level, in order; every other
// byte stays. A member that is already there with the same value is left alone; with
// another value it is an error.
func TakeOver(text string, added []Addition) (string, error) {
	if err := readable(text); err != nil {
		return "", fmt.Errorf("read the document: %w", err)
	}
	all, err := members(text, whole(text))
	if err != nil {
		return "", fmt.Errorf("read the document: %w", wrong(err.Error()))
	}
	for _, a := range added {
		i := slices.IndexFunc(all, func(m member) bool { return m.name == a.Name })
		switch {
		case i < 0:
			text = insert(text, a)
		case !sameJSON(text[all[i].value.start:all[i].value.end], a.Value):
			return "", fmt.Errorf("the document has the member %s already, with another value", Printable(a.Name))
		}
	}
	return text, nil
}

// An Addition is a member to add, and its value as JSON.
type Addition struct{ Name, Value string }

// insert adds a member at the end of the top level, in the layout of the first one there.
func insert(text string, a Addition) string {
	at := skipSpace(text, 0)
	first := skipSpace(text, at+1)
	if text[first] == '}' {
		return text[:at+1] + quote(a.Name) + ": " + a.Value + text[first:]
	}
	indent := text[at+1 : first]
	last := endOfMembers(text, at)
	return text[:last] + "," + indent + quote(a.Name) + ": " + a.Value + text[last:]
}

func sameJSON(a, b string) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, []byte(b)) == nil && x.String() == y.String()
}

// Outline returns what a check needs of the document: the members that the function knows,
// under their usual names, without the secret and anything else.
func (d *Document) Outline() string {
	type outline struct {
		EnvironmentID string                     `json:"environmentId,omitempty"`
		Region        string                     `json:"region,omitempty"`
		AuthDomain    string                     `json:"authDomain,omitempty"`
		ClientID      string                     `json:"clientId,omitempty"`
		AuthMethod    string                     `json:"tokenEndpointAuthMethod,omitempty"`
		TokenEndpoint string                     `json:"tokenEndpoint,omitempty"`
		Rotation      map[string]json.RawMessage `json:"rotation,omitempty"`
	}
	o := outline{d.EnvironmentID, string(d.Region), d.AuthDomain, d.ClientID, string(d.AuthMethod), d.TokenEndpoint, nil}
	if start, ok := find(d.text, skipSpace(d.text, 0), "rotation"); ok {
		json.Unmarshal([]byte(d.text[start:skipValue(d.text, start)]), &o.Rotation) // it is valid
		delete(o.Rotation, "names")                                                 // the members above have their usual names
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(o) // strings and valid JSON always encode
	return strings.TrimSuffix(b.String(), "\n")
}

// GuessNames returns rotation.names for a document whose client id and client secret have
// unusual names, such as CLIENT_ID or client-secret. It is an error if no member looks like
// one of them, or more than one does. A document with the usual names needs none.
func GuessNames(text string) (Names, error) {
	if err := readable(text); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	found := map[string][]string{}
	eachString(text, func(path func() []string, _ string) {
		p := path()
		if p[0] == "rotation" || len(p) > deepest {
			return
		}
		for member, ending := range map[string]string{"clientId": "clientid", "clientSecret": "clientsecret"} {
			if strings.HasSuffix(letters(p[len(p)-1]), ending) {
				found[member] = append(found[member], nameAt(p))
			}
		}
	})
	names := Names{}
	for _, member := range []string{"clientId", "clientSecret"} {
		switch at := found[member]; {
		case slices.Contains(at, member):
		case len(at) == 0:
			return nil, fmt.Errorf("no member looks like %s; say which one it is", member)
		case len(at) > 1:
			return nil, fmt.Errorf("several members look like %s: %s; say which one it is", member, strings.Join(at, ", "))
		default:
			names[member] = at[0]
		}
	}
	return names, nil
}

// letters returns the letters and digits of a name in lower case.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// ParseName reads a pair such as clientSecret=CLIENT_SECRET for rotation.names.
func ParseName(pair string) (member, name string, err error) {
	member, name, ok := strings.Cut(pair, "=")
	switch {
	case !ok || name == "":
		return "", "", errors.New("must be a member and its name in the document, such as clientSecret=CLIENT_SECRET")
	case !slices.Contains(consumers, member):
		return "", "", fmt.Errorf("must name one of %s", strings.Join(consumers, ", "))
	}
	if _, err := pathOf(name); err != nil {
		return "", "", err
	}
	return member, name, nil
}
