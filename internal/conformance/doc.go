// Package conformance asks PingOne, Secrets Manager and DynamoDB whether what this program
// believes about them is true.
//
// The beliefs are the numbered lists in the package comments of the stand-ins. Each has a
// [Probe], or a reason why it can have none. A probe creates what it needs, asks, compares,
// and removes what it created. [Run] first removes what an earlier run left behind, and
// then runs the probes of a [Suite] one after another.
//
// Everything that a probe creates has [Prefix] in its name and the suite's marker in its
// description, if it has one. Nothing without both is ever changed.
package conformance

// Prefix is the beginning of the name of everything that is created.
const Prefix = "pingrotate-conformance-"

// marker is in the description of everything that is created and has one.
const marker = "Made by pingrotate conformance. It may be deleted."
