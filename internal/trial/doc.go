// Package trial rotates a throw-away secret of a throw-away application on real
// services: by a manual rotation, through a crash between the mint and its store, and by
// an emergency, while consumers ask for tokens. What comes of it fits on one page.
//
// The rotations are made by the command itself, as a child process with --local, so that
// one of them can be killed.
package trial
