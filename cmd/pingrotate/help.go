package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newHelp returns the command help.
func newHelp(p *program) *cobra.Command {
	return &cobra.Command{
		GroupID: "shell",
		Use:     "help [COMMAND]",
		Short:   "Show what there is, or a command's help",
		Long:    "Shows what there is, or the help of a command.",
		Example: "    pingrotate help rotate",
		Args:    takes(0, 1, "COMMAND"),
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range c.Root().Commands() {
				if len(args) == 0 && !c.Hidden {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			of := c.Root()
			if len(args) == 1 {
				var err error
				if of, _, err = c.Root().Find(args); err != nil || of == c.Root() {
					return noSuchCommand(c.Root(), args)
				}
			}
			_, err := fmt.Fprint(c.OutOrStdout(), help(of, p.outWide))
			return err
		},
	}
}
