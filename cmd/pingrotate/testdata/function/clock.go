package main

import "pingrotate/internal/clocktest"

// This file belongs to cmd/rotator only in the build for the scripts of cmd/pingrotate. It
// gives the function the clock of its script, kept in the function's working directory,
// which the command and its sandbox use as well.
func init() {
	c, err := clocktest.Open("clock")
	if err != nil {
		panic(err)
	}
	pingOne.Now, pingOne.Wait = c.Now, c.Wait
}
