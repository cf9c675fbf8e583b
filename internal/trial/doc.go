// Package trial rotates a throw-away secret of a throw-away application on real services:
// by a manual rotation, through a crash between the mint and the store, and by an
// emergency, while consumers ask for tokens. The result fits on one page.
//
// The command itself makes the rotations, as a child process with --local, so that one of
// them can be killed.
package trial
