package main

import (
	"io"
	"os"

	"pingrotate/internal/playground"
	"pingrotate/internal/remedy"

	"github.com/spf13/cobra"
)

func newDemo(p *program) *cobra.Command {
	var rotator string
	c := &cobra.Command{
		GroupID: "try",
		Use:     "demo",
		Short:   "Rotate a secret twice while it is used, once through a crash",
		Long: `Rotates a PingOne client secret twice while two applications use it all the time, the
second time with the function killed at the worst moment. After every call it checks
that the secret labelled AWSCURRENT works. It takes a few seconds.

Exit status 1 means that a promise was broken or an application's request failed;
standard error says which.`,
		Example: `    pingrotate demo
    pingrotate demo -o json | jq '.consumers'`,
		Args:              takes(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return p.demo(c, rotator) },
	}
	c.Flags().Var(text{&rotator, "FILE"}, "rotator", rotatorUsage)
	return c
}

func (p *program) demo(c *cobra.Command, rotator string) error {
	var paper io.Writer = printable{p.out}
	if p.json() {
		paper = io.Discard
	}
	dir, err := os.MkdirTemp("", "pingrotate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	function, err := p.findFunction(c.Context(), rotator, dir)
	if err != nil {
		return err
	}
	report, err := playground.Play(c.Context(), p.clock.time, function, paper)
	if err != nil {
		return err
	}
	if p.json() {
		if err := p.write(report); err != nil {
			return err
		}
	}
	for _, problem := range report.Broken {
		p.warn("promise broken: %s", problem)
	}
	for _, problem := range report.Failures {
		p.warn("request failed: %s", problem)
	}
	if b, f := len(report.Broken), len(report.Failures); b+f > 0 {
		return remedy.Errorf("this is a bug, please report it with that list", "demo: %d broken promises and %d failed requests, listed above", b, f)
	}
	return nil
}
