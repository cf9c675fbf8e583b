package registertest

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Expressions are those of the developer guide's page "Condition and filter
// expressions, operators, and functions": one grammar for conditions, filters and,
// with fewer operators, the keys of a query.

// A condition is a node of an expression, true or false of an item.
type condition struct {
	op    string       // AND, OR, NOT, a comparator, BETWEEN, IN or a function's name
	parts []*condition // of AND, OR and NOT
	args  []operand    // of the others
}

// An operand is a value, a path in the item, or the size of what a path names.
type operand struct {
	value value
	path  []step
	size  bool
}

// A step goes into a map by name, or into a list by index.
type step struct {
	name  string
	index int
}

// pathText returns the operand's path in the form that refusals use.
func (o operand) pathText() string {
	var b strings.Builder
	for n, s := range o.path {
		switch {
		case s.name == "":
			fmt.Fprintf(&b, ", [%d]", s.index)
		case n > 0:
			fmt.Fprintf(&b, ", %s", s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return "[" + b.String() + "]"
}

// substitutes are a request's placeholders.
type substitutes struct {
	names  map[string]string
	values map[string]value
	used   map[string]bool
}

// begin checks the placeholders of a request with these expressions.
func begin(names map[string]string, values map[string]value, expressions ...string) (*substitutes, error) {
	s := &substitutes{names: names, values: map[string]value{}, used: map[string]bool{}}
	none := strings.Join(expressions, "") == ""
	for _, of := range []struct {
		what  string
		given bool
		empty bool
	}{
		{"ExpressionAttributeNames", names != nil, len(names) == 0},
		{"ExpressionAttributeValues", values != nil, len(values) == 0},
	} {
		switch {
		case of.given && none:
			return nil, refuse("ValidationException", "%s can only be specified when using expressions", of.what)
		case of.given && of.empty:
			return nil, refuse("ValidationException", "%s must not be empty", of.what)
		}
	}
	for name, v := range values {
		kept, err := v.normal()
		if err != nil {
			return nil, refuse("ValidationException", "ExpressionAttributeValues contains invalid value: %s for key %s", err.(*wireError).Text, name)
		}
		s.values[name] = kept
	}
	return s, nil
}

// end refuses placeholders that no expression used.
func (s *substitutes) end() error {
	for _, of := range []struct {
		what string
		keys []string
	}{
		{"ExpressionAttributeNames", slices.Sorted(maps.Keys(s.names))},
		{"ExpressionAttributeValues", slices.Sorted(maps.Keys(s.values))},
	} {
		unused := slices.DeleteFunc(of.keys, func(key string) bool { return s.used[key] })
		if len(unused) > 0 {
			return refuse("ValidationException", "Value provided in %s unused in expressions: keys: {%s}", of.what, strings.Join(unused, ", "))
		}
	}
	return nil
}

// parser reads one expression from left to right.
type parser struct {
	*substitutes
	what   string // such as ConditionExpression
	tokens []string
	at     int
}

var aToken = regexp.MustCompile(`^\s*(?:([#:]?[A-Za-z_0-9]+)|(<>|<=|>=|[=<>(),.\[\]]))`)

// parse reads an expression. An empty one is nil, which holds for every item.
func (s *substitutes) parse(what, text string) (*condition, error) {
	if text == "" {
		return nil, nil
	}
	p, err := s.read(what, text)
	if err != nil {
		return nil, err
	}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.tokens) {
		return nil, p.unexpected()
	}
	return c, nil
}

// projection reads the names of the attributes that a read is to show, which must be
// top-level ones. None means all.
func (s *substitutes) projection(text string) (names []string, err error) {
	const what = "ProjectionExpression"
	if text == "" {
		return nil, nil
	}
	p, err := s.read(what, text)
	if err != nil {
		return nil, err
	}
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, name) {
			return nil, p.refuse("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", name, name)
		}
		names = append(names, name)
		if p.at == len(p.tokens) {
			return names, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// read splits an expression into tokens.
func (s *substitutes) read(what, text string) (*parser, error) {
	p := &parser{substitutes: s, what: what}
	for rest := text; strings.TrimSpace(rest) != ""; {
		found := aToken.FindStringSubmatch(rest)
		if found == nil {
			rest = strings.TrimSpace(rest)
			return nil, refuse("ValidationException", `Invalid %s: Syntax error; token: "%c", near: "%.10s"`, what, rest[0], rest)
		}
		p.tokens = append(p.tokens, found[1]+found[2])
		rest = rest[len(found[0]):]
	}
	return p, nil
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

// accept takes the next token if it is this one, in any case.
func (p *parser) accept(token string) bool {
	if p.at < len(p.tokens) && strings.EqualFold(p.tokens[p.at], token) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(token string) error {
	if !p.accept(token) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) unexpected() error {
	token := p.peek()
	if token == "" {
		token = "<EOF>"
	}
	near := strings.Join(p.tokens[max(0, p.at-1):min(len(p.tokens), p.at+2)], " ")
	return p.refuse(`Syntax error; token: "%s", near: "%s"`, token, near)
}

func (p *parser) refuse(format string, args ...any) error {
	err := refuse("ValidationException", format, args...).(*wireError)
	err.Text = "Invalid " + p.what + ": " + err.Text
	return err
}

func (p *parser) or() (*condition, error) { return p.chain("OR", p.and) }

func (p *parser) and() (*condition, error) { return p.chain("AND", p.not) }

func (p *parser) chain(op string, next func() (*condition, error)) (*condition, error) {
	c, err := next()
	for err == nil && p.accept(op) {
		var right *condition
		right, err = next()
		c = &condition{op: op, parts: []*condition{c, right}}
	}
	return c, err
}

func (p *parser) not() (*condition, error) {
	if p.accept("NOT") {
		c, err := p.not()
		return &condition{op: "NOT", parts: []*condition{c}}, err
	}
	if p.peek() == "(" {
		p.at++
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		return c, p.expect(")")
	}
	return p.comparison()
}

var functions = map[string]int{ // by the number of operands
	"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2,
}

func (p *parser) comparison() (*condition, error) {
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(" && p.peek() != "size" {
		return p.function()
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	c := &condition{args: []operand{left}}
	switch token := p.peek(); {
	case slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, token):
		p.at++
		c.op = token
		if err := p.operands(c, ""); err != nil {
			return nil, err
		}
		if left.path != nil && reflect.DeepEqual(left, c.args[1]) {
			return nil, p.refuse("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", token, left.pathText())
		}
		return c, nil
	case p.accept("BETWEEN"):
		c.op = "BETWEEN"
		if err := p.operands(c, ""); err != nil {
			return nil, err
		}
		if err := p.expect("AND"); err != nil {
			return nil, err
		}
		return c, p.operands(c, "")
	case p.accept("IN"):
		c.op = "IN"
		if err := p.expect("("); err != nil {
			return nil, err
		}
		return c, p.operands(c, ")")
	}
	return nil, p.unexpected()
}

func (p *parser) function() (*condition, error) {
	c := &condition{op: p.peek()}
	want, ok := functions[c.op]
	if !ok {
		return nil, p.refuse("Invalid function name; function: %s", c.op)
	}
	p.at += 2
	if err := p.operands(c, ")"); err != nil {
		return nil, err
	}
	if len(c.args) != want {
		return nil, p.refuse("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", c.op, len(c.args))
	}
	if strings.HasPrefix(c.op, "attribute_") && c.args[0].path == nil {
		return nil, p.refuse("Operator or function requires a document path; operator or function: %s", c.op)
	}
	if second := c.args[len(c.args)-1]; c.op == "begins_with" && second.path == nil && second.value.S == nil && second.value.B == nil {
		return nil, p.refuse("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", c.op, second.value.kind())
	}
	return c, nil
}

// operands reads one operand, or as many as there are up to the closing token.
func (p *parser) operands(c *condition, closing string) error {
	for {
		o, err := p.operand()
		if err != nil {
			return err
		}
		c.args = append(c.args, o)
		if closing == "" || p.accept(closing) {
			return nil
		}
		if err := p.expect(","); err != nil {
			return err
		}
	}
}

func (p *parser) operand() (operand, error) {
	token := p.peek()
	switch {
	case strings.HasPrefix(token, ":"):
		p.at++
		v, ok := p.values[token]
		if !ok {
			return operand{}, p.refuse("An expression attribute value used in expression is not defined; attribute value: %s", token)
		}
		p.used[token] = true
		return operand{value: v}, nil
	case token == "size" && p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(":
		p.at += 2
		o, err := p.operand()
		if err != nil {
			return operand{}, err
		}
		o.size = true
		return o, p.expect(")")
	}
	first, err := p.name()
	if err != nil {
		return operand{}, err
	}
	o := operand{path: []step{{name: first}}}
	for {
		switch {
		case p.accept("."):
			name, err := p.name()
			if err != nil {
				return operand{}, err
			}
			o.path = append(o.path, step{name: name})
		case p.accept("["):
			index, err := strconv.Atoi(p.peek())
			if err != nil {
				return operand{}, p.unexpected()
			}
			p.at++
			if err := p.expect("]"); err != nil {
				return operand{}, err
			}
			o.path = append(o.path, step{index: index})
		default:
			return o, nil
		}
	}
}

var aName = regexp.MustCompile(`^[A-Za-z][A-Za-z_0-9]*$`)

func (p *parser) name() (string, error) {
	token := p.peek()
	switch {
	case strings.HasPrefix(token, "#"):
		p.at++
		name, ok := p.names[token]
		if !ok {
			return "", p.refuse("An expression attribute name used in the document path is not defined; attribute name: %s", token)
		}
		p.used[token] = true
		return name, nil
	case !aName.MatchString(token):
		return "", p.unexpected()
	case reserved(token):
		return "", p.refuse("Attribute name is a reserved keyword; reserved keyword: %s", token)
	}
	p.at++
	return token, nil
}
