package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// The groups of the commands, in the order of the help.
var groups = []*cobra.Group{
	{ID: "look", Title: "Look, and change nothing"},
	{ID: "act", Title: "Act"},
	{ID: "try", Title: "Try it, without any account"},
	{ID: "shell", Title: "This program"},
}

// newRoot returns the tree of commands. The help, the man pages and the completion of
// the shells all come from it.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "pingrotate",
		Short: "Operate the rotation of PingOne client secrets in AWS Secrets Manager",
		Long: `Operates the rotation of PingOne client secrets in AWS Secrets Manager. Most commands
ask the deployed function, $PINGROTATE_FUNCTION or pingone-rotator. No command shows a
secret, or takes one. Exit status: 0 for success, 1 for failure, 2 for a mistake in the
command line.`,
		Args:          noSuchCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return noCommand(c, p) },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cobra.EnableCommandSorting = false // they are in the order of their use
	root.AddGroup(groups...)
	for _, c := range []*cobra.Command{
		newStatus(p), newCheck(p), newAllow(p), newEvents(p), newConformance(p),
		newRotate(p), newRollback(p), newEndPrevious(p), newAdopt(p), newNew(p), newEdit(p), newDetach(p), newAudit(p), newCampaign(p),
		newDemo(p), newSandbox(p), newTrial(p),
		newSchema(p), newCompletion(p), newMan(p), newVersion(p),
	} {
		root.AddCommand(c)
	}
	p.declare(root)
	dress(root, p)
	return root
}

// declare adds the flags that every command has.
func (p *program) declare(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.Var(text{&p.function, "NAME"}, "function", "the deployed function, by name or ARN")
	flags.Var(text{&p.region, "REGION"}, "region", "AWS Region")
	flags.Var(text{&p.profile, "PROFILE"}, "profile", "profile of the AWS configuration")
	flags.BoolVar(&p.local, "local", false, "work in this process, with your own rights")
	flags.Var(text{&p.table, "TABLE"}, "register", "the register's table")
	flags.Var(text{&p.log, "FILE"}, "log", "file for the log lines of --local")
	flags.VarP(&p.output, "output", "o", "for people, or one JSON object a line")
	flags.BoolVarP(&p.quiet, "quiet", "q", false, "only errors, warnings and questions")
}

// dress gives each command what all of them have alike.
func dress(root *cobra.Command, p *program) {
	root.SetOut(printable{p.out})
	root.SetErr(printable{p.err})
	root.SetHelpCommand(newHelp(p))
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { fmt.Fprint(c.OutOrStdout(), help(c, p.outWide)) })
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.InitDefaultHelpCmd()
	for _, c := range append(root.Commands(), root) {
		c.Flags().SortFlags = false
		c.Flags().BoolP("help", "h", false, "show this")
		showVersion(c, c.Flags().Bool("version", false, "show the version of this program"))
		completeValues(c)
	}
}

// showVersion makes a flag of the command show the version, whatever else is on the
// command line. cobra can do that as well, but by a template, and a program with
// templates in it keeps all methods of all types: half as much again.
func showVersion(c *cobra.Command, asked *bool) {
	args, run := c.Args, c.RunE
	c.Args = func(c *cobra.Command, given []string) error {
		if *asked {
			return nil
		}
		return args(c, given)
	}
	c.RunE = func(c *cobra.Command, given []string) error {
		if *asked {
			_, err := fmt.Fprintln(c.OutOrStdout(), "pingrotate", built())
			return err
		}
		return run(c, given)
	}
}
