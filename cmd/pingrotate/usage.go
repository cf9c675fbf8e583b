package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A usageError is a mistake in the command line.
type usageError struct{ command, problem string }

func (e usageError) Error() string {
	if e.command == "" {
		return e.problem + "; pingrotate help lists the commands"
	}
	return e.command + ": " + e.problem + "; see pingrotate " + e.command + " --help"
}

// misuse returns a usageError of the command.
func misuse(c *cobra.Command, format string, args ...any) error {
	name := c.Name()
	if !c.HasParent() {
		name = ""
	}
	return usageError{name, fmt.Sprintf(format, args...)}
}

// takes checks how many arguments there are, each of which is a thing.
func takes(least, most int, thing string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return misuse(c, "no %s given", thing)
		case len(args) > most:
			return misuse(c, "argument %q is one too many", args[most])
		}
		return nil
	}
}

const manySecrets = 1000

// noCommand shows what there is. That it was asked without a command is a mistake.
func noCommand(root *cobra.Command, p *program) error {
	fmt.Fprint(root.ErrOrStderr(), help(root, p.errWide))
	return misuse(root, "no command given")
}

// noSuchCommand says which command may have been meant.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	return misuse(root, "there is no command %q%s", args[0], didYouMean(args[0], names))
}

// flagError makes a usageError of what is wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	if !c.HasParent() { // a flag of a command that does not exist
		if err := noSuchCommand(c, c.Flags().Args()); err != nil {
			return err
		}
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return misuse(c, "%s", oneLine(err.Error()))
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	given := unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		return misuse(c, "there is no flag -%s", given)
	}
	return misuse(c, "there is no flag --%s%s", given, didYouMean("--"+given, names))
}

// didYouMean returns words that name the one that is nearest, if any is near.
func didYouMean(given string, names []string) string {
	best, least := "", 3 // so many letters may differ, and one of them
	for _, name := range slices.Sorted(slices.Values(names)) {
		d := distance(given, name)
		if strings.HasPrefix(name, given) {
			d = min(d, 1)
		}
		if d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance returns how many letters must be changed, added or removed to make one word
// of the other (Levenshtein).
func distance(a, b string) int {
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		diagonal := above[0]
		above[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = above[j+1]
			above[j+1] = min(changed, above[j]+1, above[j+1]+1)
		}
	}
	return above[len(b)]
}
