package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A usageError is a mistake in the command line.
type usageError struct{ command, problem string }

func (e usageError) Error() string {
	if e.command == "" {
		return followed(e.problem, "pingrotate help lists the commands")
	}
	return followed(e.command+": "+e.problem, "see pingrotate "+e.command+" --help")
}

// followed puts what to do behind what is wrong, unless that ends with what may be meant.
func followed(problem, todo string) string {
	if strings.HasSuffix(problem, "?") {
		return problem
	}
	return problem + "; " + todo
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
		if thing == "SECRET" {
			for _, arg := range args {
				if err := isSecret(thing, arg); err != nil {
					return misuse(c, "%v", err)
				}
			}
		}
		return nil
	}
}

// secretID is what the name or the ARN of a secret consists of. See SecretId in the Secrets
// Manager API reference.
var secretID = regexp.MustCompile(`^[A-Za-z0-9/_+=.@:-]+$`)

// isSecret checks what was given as a secret: Secrets Manager answers a name that can be
// none without saying so.
func isSecret(what, given string) error {
	if len(given) > 2048 || !secretID.MatchString(given) {
		return fmt.Errorf("%s must be the name or ARN of a secret, not %q", what, first(given, 80))
	}
	return nil
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
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return misuse(c, "--%s %s, not %q", wrong.GetFlag().Name, oneLine(wrong.Unwrap().Error()), first(wrong.GetValue(), 80))
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
	// Two letters may differ, and one of a word of three or four.
	best, least := "", min(3, (len(strings.Trim(given, "-"))+1)/2)
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
