// Package waves decides what a state machine does next with many secrets: which ones it
// begins, how many at once, and how long each of them holds its place. It does no I/O. The
// function asks it once a page, in the action list; the states in between are in package
// statemachine.
package waves
