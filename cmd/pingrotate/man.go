package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan(p *program) *cobra.Command {
	return &cobra.Command{
		GroupID: "shell",
		Use:     "man DIRECTORY",
		Short:   "Write the manual pages of all commands",
		Long:    "Writes the manual pages of all commands into a directory, which it makes if need be.\nThe directory is usually one that ends in man1.",
		Example: "    pingrotate man /usr/local/share/man/man1\n    man pingrotate-rotate",
		Args:    takes(1, 1, "DIRECTORY"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			// The date of a page is not that of its printing: two runs write the same.
			undated := time.Unix(0, 0).UTC()
			c.Root().DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Source: "pingrotate " + version(), Manual: "pingrotate", Date: &undated}
			if err := doc.GenManTree(c.Root(), header, args[0]); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			pages, err := filepath.Glob(filepath.Join(args[0], "pingrotate*.1"))
			if err == nil {
				p.note("%s in %s", counted(len(pages), "manual page"), args[0])
			}
			return err
		},
	}
}
