package main

import "pingrotate/rotation"

var ReadSettings = rotation.ParseSettings

// ReadAll reads every variable that the program does.
func ReadAll(getenv func(string) string) error {
	_, err := newRotator(getenv, nil)
	return err
}
