package main

import (
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newCompletion(p *program) *cobra.Command {
	return &cobra.Command{
		GroupID: "shell",
		Use:     "completion bash|zsh|fish",
		Short:   "Make the shell complete commands, flags, values and secrets",
		Long: `Prints a script that makes the shell complete commands, flags and their values. The
names of secrets are read from the account, with your permission to list secrets, and
kept for some seconds; without that, nothing is offered.`,
		Example: `    source <(pingrotate completion bash)
    pingrotate completion zsh >"${fpath[1]}/_pingrotate"
    pingrotate completion fish >~/.config/fish/completions/pingrotate.fish`,
		Args:      takes(1, 1, "shell"),
		ValidArgs: []cobra.Completion{"bash", "zsh", "fish"},
		RunE: func(c *cobra.Command, args []string) error {
			switch root := c.Root(); args[0] {
			case "bash":
				if _, err := io.WriteString(p.out, bashWithoutPackage); err != nil {
					return err
				}
				return root.GenBashCompletionV2(p.out, true)
			case "zsh":
				return root.GenZshCompletion(p.out)
			case "fish":
				return root.GenFishCompletion(p.out, true)
			}
			return misuse(c, "the shell must be bash, zsh or fish, not %q", args[0])
		},
	}
}

// bashWithoutPackage gives bash what the script expects of the package
// bash-completion, where that is not installed: the words of the line, the current one
// and the one before. An = stays one with its flag there; here bash has split it off.
const bashWithoutPackage = `if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    _get_comp_words_by_ref() {
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=${COMP_WORDS[COMP_CWORD-1]}
    }
fi
`

// completeValues says for each flag of the command what its values are, so that the
// shell offers files only where a file is meant.
func completeValues(c *cobra.Command) {
	complete := func(f *pflag.Flag) {
		if _, declared := c.GetFlagCompletionFunc(f.Name); declared || f.NoOptDefVal != "" || isFile(f) {
			return // a file is completed by the shell itself
		}
		values := cobra.NoFileCompletions
		if one, ok := f.Value.(*choice); ok {
			values = cobra.FixedCompletions(one.of, cobra.ShellCompDirectiveNoFileComp)
		}
		if err := c.RegisterFlagCompletionFunc(f.Name, values); err != nil {
			panic(err) // the flag is the command's
		}
	}
	c.LocalFlags().VisitAll(complete)
}

// isFile reports whether the value of a flag is the path of a file.
func isFile(f *pflag.Flag) bool { return f.Value.Type() == "FILE" }
