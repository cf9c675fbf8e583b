package main

var ReadSettings = readSettings
