package pingonetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// fields is the JSON object of a request while it is being read. Each reading takes a
// member out and notes what is wrong with it, so that one reply can report every mistake.
// What is not taken remains in rest.
type fields struct {
	rest     map[string]any
	nulls    []string // names of members that are null, which counts as absent
	problems []detail
}

// readFields distinguishes names by case, which struct decoding does not.
func readFields(body []byte) (*fields, *refusal) {
	f := &fields{}
	if json.Unmarshal(body, &f.rest) != nil || f.rest == nil {
		return nil, refuse(http.StatusBadRequest, "INVALID_REQUEST", msgInvalidRequest)
	}
	for name, value := range f.rest {
		if value == nil {
			delete(f.rest, name)
			f.nulls = append(f.nulls, name)
		}
	}
	return f, nil
}

// refusal returns the reply to what was wrong, or nil if nothing was.
func (f *fields) refusal() *refusal {
	if len(f.problems) == 0 {
		return nil
	}
	return refuse(http.StatusBadRequest, "INVALID_DATA", msgInvalidData, f.problems...)
}

func (f *fields) problem(code, target, message string) {
	f.problems = append(f.problems, detail{code, target, message})
}

// drop forgets members that a caller cannot set.
func (f *fields) drop(names ...string) {
	for _, name := range names {
		delete(f.rest, name)
	}
}

// take removes a member and returns it, or the zero value if it is absent or of another
// type.
func take[T any](f *fields, name, kind string) T {
	raw, present := f.rest[name]
	delete(f.rest, name)
	value, ok := raw.(T)
	if present && !ok {
		f.problem("INVALID_VALUE", name, "must be "+kind)
	}
	return value
}

// require takes a member that must be present and not empty.
func (f *fields) require(name string) string {
	raw, present := f.rest[name]
	value := take[string](f, name, "a string")
	if !present || raw == "" {
		f.problem("REQUIRED_VALUE", name, "must not be empty")
	}
	return value
}

func (f *fields) text(name string) string { return take[string](f, name, "a string") }

func (f *fields) flag(name string, fallback bool) bool {
	if _, present := f.rest[name]; !present {
		return fallback
	}
	return take[bool](f, name, "true or false")
}

// texts takes an array of strings, each one of those allowed if any are given.
func (f *fields) texts(name string, allowed ...string) []string {
	var list []string
	for _, v := range take[[]any](f, name, "an array") {
		text, ok := v.(string)
		if !ok || len(allowed) > 0 && !slices.Contains(allowed, text) {
			f.problem("INVALID_VALUE", name, oneOf(allowed))
			return nil
		}
		list = append(list, text)
	}
	return list
}

// choose checks a value that must be one of those allowed; "" passes.
func (f *fields) choose(name, value string, allowed ...string) string {
	if value != "" && !slices.Contains(allowed, value) {
		f.problem("INVALID_VALUE", name, oneOf(allowed))
	}
	return value
}

func oneOf(allowed []string) string {
	if len(allowed) == 0 {
		return "must be strings"
	}
	return "must be one of " + strings.Join(allowed, ", ")
}

// reference takes an object that names something by its id, and must be present.
func (f *fields) reference(name string) string {
	object := take[map[string]any](f, name, "an object with an id")
	id, _ := object["id"].(string)
	if id == "" {
		f.problem("REQUIRED_VALUE", name+".id", "must not be empty")
	}
	return id
}

// references takes an array of such objects.
func (f *fields) references(name string) []string {
	var ids []string
	for _, v := range take[[]any](f, name, "an array") {
		object, _ := v.(map[string]any)
		id, _ := object["id"].(string)
		if id == "" {
			f.problem("REQUIRED_VALUE", name+".id", "must not be empty")
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}
