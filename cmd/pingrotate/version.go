package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

const versionUsage = `Usage:
    pingrotate version

Prints the version of this program and of the Go release that built it.
`

func versionFlags(*flag.FlagSet) runner { return version }

func version(_ context.Context, _ []string, stdout io.Writer) error {
	built := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		built = info.Main.Version
	}
	_, err := fmt.Fprintf(stdout, "pingrotate %s %s %s/%s\n", built, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
