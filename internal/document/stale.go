package document

import (
	"slices"
	"strconv"
	"strings"

	"pingrotate/pingone"
)

// StaleCopies returns where else the document holds exactly the secret that is about to be
// replaced and, with the strategy alternating, the client id: members outside rotation and
// allow that no rotation would renew. Each is the name of a top-level member, or a JSON
// Pointer (RFC 6901).
func (d *Document) StaleCopies(secret pingone.Secret) (names []string) {
	renewed := [][]string{d.path("clientSecret")}
	values := []string{secret.Reveal()}
	if d.Rotation.Strategy == Alternating {
		renewed, values = append(renewed, d.path("clientId")), append(values, d.ClientID)
	}
	values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
	eachString(d.text, func(path func() []string, value string) {
		if !slices.Contains(values, value) {
			return
		}
		p := path()
		if p[0] == "rotation" || p[0] == "allow" || slices.ContainsFunc(renewed, func(r []string) bool { return slices.Equal(r, p) }) {
			return
		}
		names = append(names, nameAt(p))
	})
	return names
}

// nameAt is the inverse of [pathOf].
func nameAt(path []string) string {
	if len(path) == 1 && !strings.HasPrefix(path[0], "/") {
		return path[0]
	}
	var name strings.Builder
	for _, part := range path {
		name.WriteString("/" + strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), "/", "~1"))
	}
	return name.String()
}

// eachString visits each string value in the JSON text, with the path to it. It reads each
// byte once, whatever the depth.
func eachString(text string, visit func(path func() []string, value string)) {
	type container struct {
		object bool
		key    string // quoted; the object's latest
		keyed  bool   // the key's value comes next
		index  int    // the array's current index
	}
	var open []container
	path := func() (parts []string) {
		for _, c := range open {
			if c.object {
				parts = append(parts, unquote(c.key))
			} else {
				parts = append(parts, strconv.Itoa(c.index))
			}
		}
		return parts
	}
	for i := 0; i < len(text); i++ {
		var in *container
		if len(open) > 0 {
			in = &open[len(open)-1]
		}
		switch text[i] {
		case '{', '[':
			open = append(open, container{object: text[i] == '{'})
		case '}', ']':
			open = open[:len(open)-1]
		case ':':
			in.keyed = true
		case ',':
			in.keyed = false
			in.index++
		case '"':
			end := skipString(text, i)
			switch {
			case in == nil:
			case in.object && !in.keyed:
				in.key = text[i:end]
			default:
				visit(path, unquote(text[i:end]))
			}
			i = end - 1
		}
	}
}
