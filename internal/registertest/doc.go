// Package registertest is AWS DynamoDB in one process, as far as the register and a
// person who looks at its table need it.
//
// It is a state machine behind a real loopback listener that speaks DynamoDB's JSON
// protocol, so the client under test is the unmodified SDK or the aws command. It
// refuses what the service refuses, with the service's words. Nothing happens by
// itself: time stands still until it is moved, reads lag only when told to, and expired
// rows stay until [Server.Expire].
package registertest
