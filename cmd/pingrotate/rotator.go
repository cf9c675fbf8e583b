package main

import (
	"context"

	"pingrotate/internal/playground"
)

const rotatorUsage = "the built Lambda function; without it, it is built with go, which works inside the module"

// findFunction returns the program of the Lambda function for the demo and the sandbox:
// the one at the path, or one that is built into the directory.
func (p *program) findFunction(ctx context.Context, path, dir string) (string, error) {
	if path == "" {
		done := p.busy("building the function, which takes a minute the first time")
		defer done()
	}
	return playground.FindProgram(ctx, path, dir)
}
