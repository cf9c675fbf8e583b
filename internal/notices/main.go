// Command notices writes the licences of the modules that are linked into the programs as a
// page of Markdown. make notices writes the page to THIRD_PARTY.md.
package main

import (
	"fmt"
	"os"
)

func main() {
	modules, err := linked("./cmd/rotator", "./cmd/pingrotate")
	if err == nil {
		var text string
		if text, err = page(modules); err == nil {
			_, err = os.Stdout.WriteString(text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}
