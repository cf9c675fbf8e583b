package main

import "pingrotate/rotation"

var ReadSettings = rotation.ParseSettings
