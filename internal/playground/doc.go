// Package playground is the whole product on one machine, without any account: PingOne and
// AWS as far as the function and its operator need them, the function as the process that
// Lambda would run, and applications that use a rotated secret all the time. The demo and
// the sandbox are here, and the tests of the operator's command use it.
package playground
