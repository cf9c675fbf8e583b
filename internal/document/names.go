package document

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Names are rotation.names: the names under which a document holds the members that
// consumers read. A name that begins with "/" is a JSON Pointer (RFC 6901) into the
// document; any other is a name at its top level.
type Names map[string]string

// consumers are the members that consumers read.
var consumers = []string{"environmentId", "region", "authDomain", "clientId", "clientSecret", "tokenEndpointAuthMethod", "tokenEndpoint"}

// reserved are the top-level members whose names must not be used.
var reserved = append([]string{"rotation", "allow", "privateKey", "keyId"}, consumers...)

// deepest is the most names that a JSON Pointer may have.
const deepest = 8

// namesDecoder decodes rotation.names.
func namesDecoder(into *Names) decoder {
	return func(raw string) error {
		names := Names{}
		fields := map[string]decoder{}
		for _, member := range consumers {
			fields[member] = func(raw string) error {
				var name string
				if err := parsed(&name, parseText)(raw); err != nil {
					return err
				}
				path, err := pathOf(name)
				if err != nil {
					return err
				}
				if slices.Contains(reserved, path[0]) && !(len(path) == 1 && path[0] == member) {
					return fmt.Errorf("collides with the member %s", path[0])
				}
				for _, taken := range names {
					if other, _ := pathOf(taken); overlap(path, other) {
						return errors.New("is the name of another member, or a part of it; each needs a name that no other has")
					}
				}
				names[member] = name
				return nil
			}
		}
		if err := object(refuse, fields)(raw); err != nil {
			return err
		}
		*into = names
		return nil
	}
}

// overlap reports whether one path leads through the other.
func overlap(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// pathOf returns the names that lead from the top level to a member.
func pathOf(name string) ([]string, error) {
	path := []string{name}
	if strings.HasPrefix(name, "/") {
		path = strings.Split(name[1:], "/")
		if len(path) > deepest {
			return nil, fmt.Errorf("must lead through at most %d members", deepest)
		}
		for i, part := range path {
			rest := strings.ReplaceAll(strings.ReplaceAll(part, "~0", ""), "~1", "")
			if strings.Contains(rest, "~") {
				return nil, errors.New("is not a JSON Pointer: after ~ comes 0 or 1")
			}
			path[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		}
	}
	if slices.Contains(path, "") {
		return nil, errors.New("must have no empty name in it")
	}
	return path, nil
}

// NameOf returns the name under which the document holds a member that consumers read,
// such as "clientSecret".
func (d *Document) NameOf(member string) string {
	if name, ok := d.Rotation.Names[member]; ok {
		return name
	}
	return member
}

// path returns the names that lead to a member that consumers read.
func (d *Document) path(member string) []string {
	path, _ := pathOf(d.NameOf(member)) // it was checked when it was decoded
	return path
}

// A place is where the document holds a member under another name.
type place struct {
	member, name string
	path         []string

	value span // its end is zero until it is found
	err   error
}

// places returns the places of the renamed members, in the order of [consumers].
func (names Names) places() (all []*place) {
	for _, member := range consumers {
		if name, ok := names[member]; ok && name != member {
			path, _ := pathOf(name) // it was checked when it was decoded
			all = append(all, &place{member: member, name: name, path: path})
		}
	}
	return all
}

// locate finds the places in the object that begins at at. The first depth names of each
// place lead to this object. It returns where the object ends. It reads each byte once,
// however many places there are.
//
// Names is a stack of the names of members, those of the enclosing objects first.
func locate(text string, at, depth int, all []*place, names []string) (end int) {
	outer := len(names)
	reached := make(map[*place]bool)
	i := skipSpace(text, at+1)
	for text[i] != '}' {
		end := skipString(text, i)
		m := member{name: unquote(text[i:end])}
		m.value.start = skipSpace(text, skipSpace(text, end)+1)
		var deeper []*place
		for _, p := range all {
			if p.path[depth] == m.name && depth < len(p.path)-1 {
				reached[p] = true
				deeper = append(deeper, p)
			}
		}
		switch {
		case len(deeper) == 0:
			m.value.end = skipValue(text, m.value.start)
		case text[m.value.start] == '{':
			m.value.end = locate(text, m.value.start, depth+1, deeper, names)
		default:
			m.value.end = skipValue(text, m.value.start)
			for _, p := range deeper {
				p.err = fmt.Errorf("cannot be in %s, which must be a JSON object", Printable(m.name))
			}
		}
		for _, p := range all {
			if p.path[depth] == m.name && depth == len(p.path)-1 {
				p.value = m.value
			}
		}
		names = append(names, m.name)
		if i = skipSpace(text, m.value.end); text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
	twice, ok := repeated(names[outer:], func(name string) string { return name })
	for _, p := range all {
		switch {
		case ok:
			p.err = fmt.Errorf("cannot be in an object that has the field %s twice", Printable(twice))
		case depth < len(p.path)-1 && !reached[p]:
			p.err = fmt.Errorf("needs the object %s around it, which the document does not have", Printable(p.path[depth]))
		}
	}
	return i + 1
}
