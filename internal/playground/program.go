package playground

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pingrotate/internal/remedy"
)

const buildIt = "build it with make build, or leave --rotator out"

// FindProgram returns the path of the Lambda function's program: the given path or, if that
// is empty, that of a program that it builds in the directory.
func FindProgram(ctx context.Context, path, dir string) (string, error) {
	if path != "" {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return "", remedy.Errorf(buildIt, "find the function: %w", err)
		case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
			return "", remedy.Errorf(buildIt, "find the function: %s is not a program", path)
		}
		return path, nil
	}
	program := filepath.Join(dir, "bootstrap")
	// With make's flags, so that the two share a build cache.
	args := append([]string{"build", "-trimpath", "-o", program}, small...)
	build := exec.CommandContext(ctx, "go", append(args, "pingrotate/cmd/rotator")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		why := strings.TrimSpace(string(out))
		if why == "" {
			why = err.Error()
		}
		return "", remedy.Errorf("run this inside the module pingrotate, or name the built program with --rotator", "build the function: %s", why)
	}
	return program, nil
}

// small is the Makefile's SMALL.
var small = []string{
	"-tags=lambda.norpc", "-gcflags=all=-l", "-gcflags=runtime=", "-gcflags=internal/runtime/...=", "-gcflags=math/...=", "-gcflags=crypto/internal/...=",
}
