package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// stamp is the version that the Makefile gives a build: git describe's.
var stamp string

// version returns the version that the build has recorded: the Makefile's, or what the
// go command knows of the module and of the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case stamp != "":
		return stamp
	case ok && info.Main.Version != "":
		return info.Main.Version
	}
	return "(unknown)"
}

// built returns the version, the Go release, and what the program was built for.
func built() string {
	return fmt.Sprintf("%s %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
