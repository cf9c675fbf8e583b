package main

import "testing"

func TestSchedulesThatSecretsManagerRefusesAreFoundBefore(t *testing.T) {
	for _, c := range []struct {
		schedule, window string
		ok               bool
	}{
		{"rate(30 days)", "", true}, {"rate(1 day)", "", true}, {"rate(4 hours)", "", true}, {"cron(0 4 1 * ? *)", "3h", true}, {"cron(0 8 ? * MON *)", "", true},
		{"rate(30 dys)", "", false}, {"rate(1 days)", "", false}, {"rate(30 day)", "", false}, {"rate(0 days)", "", false}, {"rate(1 hour)", "", false}, {"daily", "", false},
		{"cron(5 4 1 * ? *)", "", false}, {"cron(0 4 1 * ? 2027)", "", false}, {"cron(0 4 1 * * *)", "", false}, {"cron(0 4 ? * ? *)", "", false}, {"cron(0 4 * *)", "", false},
		{"rate(30 days)", "3", false}, {"rate(30 days)", "25h", false}, {"rate(30 days)", "90m", false},
	} {
		if err := checkSchedule(c.schedule, c.window); (err == nil) != c.ok {
			t.Errorf("%s, window %q: got %v, want ok %t", c.schedule, c.window, err, c.ok)
		}
	}
}
