// Package conformance asks PingOne, Secrets Manager and DynamoDB whether what this
// program believes of them is true.
//
// The beliefs are the numbered lists in the package comments of the stand-ins. For each
// there is a [Probe], or a reason why there can be none. A probe creates what it needs,
// asks, compares and removes what it created. [Run] runs the probes of a [Suite] one
// after the other; what an earlier run has left behind, it removes first.
//
// Everything that a probe creates bears [Prefix] in its name and the marker of the suite
// in its description or its tags. Nothing without both is ever changed.
package conformance

// Prefix begins the name of everything that is created.
const Prefix = "pingrotate-conformance-"

// marker is in the description of everything that is created and has one.
const marker = "Made by pingrotate conformance. It may be deleted."
