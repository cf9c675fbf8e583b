package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help returns the help of a command for a terminal so wide; 0 is none.
func help(c *cobra.Command, wide int) string {
	if wide == 0 || wide > 90 {
		wide = 90
	}
	var b strings.Builder
	use := c.UseLine()
	if c.HasSubCommands() {
		use = c.Name() + " COMMAND [flags]"
	}
	fmt.Fprintf(&b, "Usage:\n    %s\n\n%s\n", use, reflowed(c.Long, wide))
	for _, g := range c.Groups() {
		fmt.Fprintf(&b, "\n%s:\n", g.Title)
		for _, sub := range c.Commands() {
			if sub.GroupID == g.ID {
				fmt.Fprintf(&b, "    %-12s  %s\n", sub.Name(), sub.Short)
			}
		}
	}
	section := func(title string, flags *pflag.FlagSet) {
		if flags.HasAvailableFlags() {
			fmt.Fprintf(&b, "\n%s:\n%s", title, strings.ReplaceAll(flags.FlagUsagesWrapped(wide), "[="+lastCampaign+"]", strings.Repeat(" ", len(lastCampaign)+3)))
		}
	}
	all := c.Root().PersistentFlags()
	if c.HasSubCommands() {
		section("Flags, before or after the command", all)
	} else {
		section("Flags", own(c))
		section("Flags of every command", all)
	}
	if c.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	return b.String()
}

// reflowed breaks the paragraphs of a text into lines for a terminal so wide. Lines that
// are indented stay as they are.
func reflowed(text string, wide int) string {
	var lines []string
	paragraph := ""
	end := func() {
		if paragraph != "" {
			lines = append(lines, fold(paragraph, wide)...)
			paragraph = ""
		}
	}
	for _, line := range strings.Split(text, "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, " "):
			end()
			lines = append(lines, line)
		case paragraph == "":
			paragraph = line
		default:
			paragraph += " " + line
		}
	}
	end()
	return strings.Join(lines, "\n")
}

// own returns the flags that the command does not share with all others, in the order
// in which it declares them.
func own(c *cobra.Command) *pflag.FlagSet {
	shared := c.Root().PersistentFlags()
	flags := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	flags.SortFlags = false
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if shared.Lookup(f.Name) == nil {
			flags.AddFlag(f)
		}
	})
	return flags
}
