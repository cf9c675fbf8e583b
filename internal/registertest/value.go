package registertest

import (
	"bytes"
	"cmp"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// An item is one row: its attributes by name.
type item map[string]value

// A value is one attribute value as it goes over the wire: exactly one member is set.
type value struct {
	S    *string          `json:"S,omitzero"`
	N    *string          `json:"N,omitzero"`
	B    []byte           `json:"B,omitzero"`
	BOOL *bool            `json:"BOOL,omitzero"`
	NULL *bool            `json:"NULL,omitzero"`
	M    map[string]value `json:"M,omitzero"`
	L    []value          `json:"L,omitzero"`
	SS   []string         `json:"SS,omitzero"`
	NS   []string         `json:"NS,omitzero"`
	BS   [][]byte         `json:"BS,omitzero"`
}

// kind returns the name of the value's type, such as "S".
func (v value) kind() string {
	switch {
	case v.S != nil:
		return "S"
	case v.N != nil:
		return "N"
	case v.B != nil:
		return "B"
	case v.BOOL != nil:
		return "BOOL"
	case v.NULL != nil:
		return "NULL"
	case v.M != nil:
		return "M"
	case v.L != nil:
		return "L"
	case v.SS != nil:
		return "SS"
	case v.NS != nil:
		return "NS"
	case v.BS != nil:
		return "BS"
	}
	return ""
}

const (
	msgTwoTypes = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
	msgNoType   = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
	msgNumber   = "The parameter cannot be converted to a numeric value: %s"
	msgDigits   = "Attempting to store more than 38 significant digits in a Number"
	msgEmptySet = "One or more parameter values were invalid: An %s set  may not be empty"
	msgNull     = "One or more parameter values were invalid: Null attribute value types must have the value of true"
	msgTwins    = "One or more parameter values were invalid: Input collection [%s] contains duplicates."
)

// normal checks a value that was received and returns it as the service keeps it: numbers
// lose insignificant digits.
func (v value) normal() (value, error) {
	set := 0
	for _, is := range []bool{
		v.S != nil, v.N != nil, v.B != nil, v.BOOL != nil, v.NULL != nil, v.M != nil, v.L != nil, v.SS != nil, v.NS != nil, v.BS != nil,
	} {
		if is {
			set++
		}
	}
	switch {
	case set == 0:
		return v, refuse("ValidationException", msgNoType)
	case set > 1:
		return v, refuse("ValidationException", msgTwoTypes)
	case v.N != nil:
		n, err := number(*v.N)
		v.N = &n
		return v, err
	case v.NULL != nil && !*v.NULL:
		return v, refuse("ValidationException", msgNull)
	case v.SS != nil:
		return v, set1("string", v.SS)
	case v.NS != nil:
		v.NS = slices.Clone(v.NS)
		for i := range v.NS {
			var err error
			if v.NS[i], err = number(v.NS[i]); err != nil {
				return v, err
			}
		}
		return v, set1("number", v.NS)
	case v.BS != nil && len(v.BS) == 0:
		return v, refuse("ValidationException", msgEmptySet, "binary")
	case v.M != nil:
		m, err := item(v.M).normal()
		v.M = m
		return v, err
	case v.L != nil:
		v.L = slices.Clone(v.L)
		for i := range v.L {
			var err error
			if v.L[i], err = v.L[i].normal(); err != nil {
				return v, err
			}
		}
	}
	return v, nil
}

func (i item) normal() (item, error) {
	out := make(item, len(i))
	for _, name := range slices.Sorted(maps.Keys(i)) {
		v, err := i[name].normal()
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

func set1(kind string, members []string) error {
	if len(members) == 0 {
		return refuse("ValidationException", msgEmptySet, kind)
	}
	sorted := slices.Sorted(slices.Values(members))
	if len(slices.Compact(sorted)) != len(members) {
		return refuse("ValidationException", msgTwins, strings.Join(members, ", "))
	}
	return nil
}

var aNumber = regexp.MustCompile(`^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$`)

// number returns the number in the form in which the service returns it.
func number(text string) (string, error) {
	parts := aNumber.FindStringSubmatch(text)
	if parts == nil || parts[2]+parts[3] == "" {
		return text, refuse("ValidationException", msgNumber, text)
	}
	if digits := strings.Trim(strings.TrimLeft(parts[2], "0")+parts[3], "0"); len(digits) > 38 {
		return text, refuse("ValidationException", msgDigits)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return text, refuse("ValidationException", msgNumber, text)
	}
	if r.IsInt() {
		return r.Num().String(), nil
	}
	plain := r.FloatString(len(parts[3]) + 130)
	return strings.TrimRight(plain, "0"), nil
}

// size returns how many bytes of an item's limit the value takes.
func (v value) size() int {
	switch v.kind() {
	case "S":
		return len(*v.S)
	case "N":
		return numberSize(*v.N)
	case "B":
		return len(v.B)
	case "M":
		n := 3
		for name, member := range v.M {
			n += len(name) + member.size() + 1
		}
		return n
	case "L":
		n := 3
		for _, member := range v.L {
			n += member.size() + 1
		}
		return n
	case "SS":
		n := 0
		for _, member := range v.SS {
			n += len(member)
		}
		return n
	case "NS":
		n := 0
		for _, member := range v.NS {
			n += numberSize(member)
		}
		return n
	case "BS":
		n := 0
		for _, member := range v.BS {
			n += len(member)
		}
		return n
	}
	return 1
}

func numberSize(text string) int {
	digits := strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
	return 1 + (len(digits)+1)/2
}

// size returns how many bytes the item takes of the limits of an item and of a page.
func (i item) size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

// equal reports whether two values have the same type and are the same.
func (v value) equal(w value) bool {
	if v.kind() != w.kind() {
		return false
	}
	switch v.kind() {
	case "BOOL":
		return *v.BOOL == *w.BOOL
	case "NULL":
		return true
	case "M":
		return maps.EqualFunc(v.M, w.M, value.equal)
	case "L":
		return slices.EqualFunc(v.L, w.L, value.equal)
	case "SS":
		return slices.Equal(slices.Sorted(slices.Values(v.SS)), slices.Sorted(slices.Values(w.SS)))
	case "NS":
		return slices.Equal(slices.Sorted(slices.Values(v.NS)), slices.Sorted(slices.Values(w.NS)))
	case "BS":
		return slices.EqualFunc(slices.SortedFunc(slices.Values(v.BS), bytes.Compare), slices.SortedFunc(slices.Values(w.BS), bytes.Compare), bytes.Equal)
	}
	order, _ := v.compare(w)
	return order == 0
}

// compare orders two values. It is not ok if the types differ or have no order.
func (v value) compare(w value) (order int, ok bool) {
	if v.kind() != w.kind() {
		return 0, false
	}
	switch v.kind() {
	case "S":
		return cmp.Compare(*v.S, *w.S), true
	case "B":
		return bytes.Compare(v.B, w.B), true
	case "N":
		a, _ := new(big.Rat).SetString(*v.N)
		b, _ := new(big.Rat).SetString(*w.N)
		return a.Cmp(b), true
	}
	return 0, false
}
