package provision

import (
	"context"
	"strings"

	"pingrotate/internal/document"
)

// A change is a write to be made in PingOne. It may be repeated: what is already there is
// not added again.
type change struct {
	text  string            // what it would do; "" if another change says it
	of    []document.Change // what must be permitted
	apply func(ctx context.Context) (done string, err error)
}

// texts returns what the changes would do.
func texts(all []change) (lines []string) {
	for _, c := range all {
		if c.text != "" {
			lines = append(lines, c.text)
		}
	}
	return lines
}

// permitted checks the changes before the first of them is made.
func (p *Provisioner) permitted(all []change) error {
	var of []document.Change
	for _, c := range all {
		of = append(of, c.of...)
	}
	return p.Permission.Allows(of...)
}

// carryOut makes the changes, in their order.
//
// After a crash at any point, the next run compares again and makes what is left.
func (p *Provisioner) carryOut(ctx context.Context, all []change) error {
	for _, c := range all {
		done, err := c.apply(ctx)
		if err != nil {
			return err
		}
		if done != "" {
			p.note(done)
		}
	}
	return nil
}

func joined(names []string) string { return document.Printable(strings.Join(names, ", ")) }
