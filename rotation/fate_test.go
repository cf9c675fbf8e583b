package rotation_test

import (
	"fmt"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

// A fate is what happens at one call.
type fate struct {
	kind  fault.Kind
	death bool          // the process dies: before the call or, if the kind applies it, after it
	again bool          // it also happens at each later call of this operation in the attempt
	delay time.Duration // how late a call that is held arrives; 0 means right before the next call
	turn  turn          // a turn of events in place of a fault
}

// A turn of events is something that a person does, or that happens to the register, right
// before a call.
type turn string

const (
	edited    turn = "document edited"
	cancelled turn = "rotation cancelled"
	lost      turn = "item lost"
	tableOut  turn = "table out of reach" // for the rest of the attempt
)

var turns = []turn{edited, cancelled, lost, tableOut}

// name is the fate's column in the table.
func (f fate) name() string {
	switch {
	case f.turn != "":
		return string(f.turn)
	case f.death && f.kind.Applies():
		return "died after"
	case f.death:
		return "died before"
	}
	return f.kind.String()
}

func (f fate) String() string {
	switch {
	case f.again:
		return f.name() + ", again and again"
	case f.delay > 0:
		return fmt.Sprintf("%s, by %v", f.name(), f.delay)
	}
	return f.name()
}

var (
	diedBefore = fate{kind: fault.Refused, death: true}
	diedAfter  = fate{kind: fault.ReplyLost, death: true}
)

// almostALease is a second less than the latest at which the design lets a request arrive.
const almostALease = leaseTime - time.Second

// fates lists all that may happen at a call.
func fates() []fate {
	all := []fate{diedBefore, diedAfter}
	for _, k := range fault.Kinds() {
		all = append(all, fate{kind: k})
	}
	for _, k := range fault.LateKinds() {
		all = append(all, fate{kind: k})
		if k.Holds() {
			all = append(all, fate{kind: k, delay: 20 * time.Second}, fate{kind: k, delay: almostALease})
		}
	}
	for _, k := range fault.Kinds() {
		all = append(all, fate{kind: k, again: true})
	}
	for _, t := range turns {
		all = append(all, fate{turn: t})
	}
	return all
}

// seconds lists what may happen as the second fault.
func seconds() []fate {
	return []fate{diedBefore, diedAfter, {kind: fault.Refused}, {kind: fault.ReplyLost}}
}

// fateNames returns the columns of the table.
func fateNames() (names []string) {
	for _, f := range fates() {
		if !f.again && f.delay == 0 {
			names = append(names, f.name())
		}
	}
	return names
}

// A place is one call of a scenario: the nth of its operation, over all attempts.
type place struct {
	service, operation string
	n                  int
}

func (p place) String() string { return fmt.Sprintf("%s %d", p.operation, p.n) }

// A strike is a fate at a place.
type strike struct {
	place
	fate
}

func (s strike) String() string { return s.place.String() + ": " + s.fate.String() }

// isItem reports whether a row of the register is an item, not one of the rows that survive
// its loss.
func isItem(row string) bool { return strings.Contains(row, `"entry":{"S":"item"}`) }
