package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version returns the version that the build has recorded.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}

// built returns the version, the Go release, and what the program was built for.
func built() string {
	return fmt.Sprintf("%s %s %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
