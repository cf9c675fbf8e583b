// Package fault makes an HTTP service fail on purpose.
//
// Each stand-in sends every call through a [Line]. A test sets a hook on the line and
// decides, call by call, what happens. All services share one vocabulary, so one table
// covers every remote call of a rotation. It has two parts.
//
// A [Kind] is what happens to a request: it is lost, refused, applied although its reply is
// lost, applied later than its sender thinks, or applied twice. What matters most is
// whether and when the service applies the call: a lost reply leaves a change behind, and a
// late call makes a change that its sender has given up on.
//
// A [Lag] is how far behind a read is: it shows the state before the last changes,
// or the state some time ago by the service's clock.
//
// Nothing happens by itself and nothing sleeps: a late request is applied when the
// test says so, and a lagging read catches up when the test moves the clock.
package fault
