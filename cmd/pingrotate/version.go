package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(p *program) *cobra.Command {
	return &cobra.Command{
		GroupID:           "shell",
		Use:               "version",
		Short:             "Show the version of this program",
		Long:              "Shows the version of this program, of the Go release that built it, and what it was\nbuilt for.",
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if p.json() {
				return p.write(struct {
					Version  string `json:"version"`
					Go       string `json:"go"`
					Platform string `json:"platform"`
				}{version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
			}
			_, err := fmt.Fprintln(p.out, "pingrotate", built())
			return err
		},
	}
}
