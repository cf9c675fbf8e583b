package registertest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// holds reports whether the condition is true of the item. What an operand names may be
// missing: then a comparison with it is false, and <> is true.
func (c *condition) holds(i item) bool {
	if c == nil {
		return true
	}
	switch c.op {
	case "AND":
		return c.parts[0].holds(i) && c.parts[1].holds(i)
	case "OR":
		return c.parts[0].holds(i) || c.parts[1].holds(i)
	case "NOT":
		return !c.parts[0].holds(i)
	}
	args := make([]value, len(c.args))
	all := true
	for n, o := range c.args {
		var ok bool
		args[n], ok = o.of(i)
		all = all && ok
	}
	switch c.op {
	case "attribute_exists":
		return all
	case "attribute_not_exists":
		return !all
	case "<>":
		return !all || !args[0].equal(args[1])
	case "IN":
		return args[0].kind() != "" && slices.ContainsFunc(args[1:], args[0].equal)
	}
	if !all {
		return false
	}
	switch c.op {
	case "=":
		return args[0].equal(args[1])
	case "BETWEEN":
		low, ok := args[0].compare(args[1])
		high, also := args[0].compare(args[2])
		return ok && also && low >= 0 && high <= 0
	case "attribute_type":
		return args[1].S != nil && args[0].kind() == *args[1].S
	case "begins_with":
		return args[0].begins(args[1])
	case "contains":
		return args[0].contains(args[1])
	}
	order, ok := args[0].compare(args[1])
	switch c.op {
	case "<":
		return ok && order < 0
	case "<=":
		return ok && order <= 0
	case ">":
		return ok && order > 0
	case ">=":
		return ok && order >= 0
	}
	panic("registertest: condition " + c.op)
}

// of returns the operand's value for an item. It is not ok if there is none.
func (o operand) of(i item) (value, bool) {
	v, ok := o.value, true
	if o.path != nil {
		v = value{M: i}
		for _, s := range o.path {
			if s.name != "" {
				v, ok = v.M[s.name]
			} else if ok = s.index < len(v.L); ok {
				v = v.L[s.index]
			}
			if !ok {
				return value{}, false
			}
		}
	}
	if !o.size {
		return v, ok
	}
	n := 0
	switch v.kind() {
	case "S", "B":
		n = v.size()
	case "M", "L", "SS", "NS", "BS":
		n = len(v.M) + len(v.L) + len(v.SS) + len(v.NS) + len(v.BS)
	default:
		return value{}, false
	}
	text := strconv.Itoa(n)
	return value{N: &text}, true
}

func (v value) begins(prefix value) bool {
	switch {
	case v.S != nil && prefix.S != nil:
		return strings.HasPrefix(*v.S, *prefix.S)
	case v.B != nil && prefix.B != nil:
		return bytes.HasPrefix(v.B, prefix.B)
	}
	return false
}

func (v value) contains(part value) bool {
	switch {
	case v.S != nil && part.S != nil:
		return strings.Contains(*v.S, *part.S)
	case v.B != nil && part.B != nil:
		return bytes.Contains(v.B, part.B)
	case v.L != nil:
		return slices.ContainsFunc(v.L, part.equal)
	case v.SS != nil && part.S != nil:
		return slices.Contains(v.SS, *part.S)
	case v.NS != nil && part.N != nil:
		return slices.Contains(v.NS, *part.N)
	case v.BS != nil && part.B != nil:
		return slices.ContainsFunc(v.BS, func(b []byte) bool { return bytes.Equal(b, part.B) })
	}
	return false
}
