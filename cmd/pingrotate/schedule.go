package main

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

var (
	rateExpression = regexp.MustCompile(`^rate\((\d{1,3}) (hours?|days?)\)$`)
	cronExpression = regexp.MustCompile(`^cron\(([^()]{1,250})\)$`)
	windowLength   = regexp.MustCompile(`^([1-9]|1[0-9]|2[0-4])h$`)
)

// checkSchedule says what Secrets Manager would refuse of a schedule, before anything is
// made. See "Schedule expressions" in the Secrets Manager user guide.
func checkSchedule(expression, window string) error {
	if window != "" && !windowLength.MatchString(window) {
		return errors.New("--window must be a number of hours such as 3h: for how long after its time a rotation may begin")
	}
	if m := rateExpression.FindStringSubmatch(expression); m != nil {
		n, _ := strconv.Atoi(m[1])
		switch hours := strings.HasPrefix(m[2], "hour"); {
		case n == 0, hours && n < 4:
			return errors.New("--schedule: Secrets Manager rotates every 4 hours at most")
		case (n == 1) == strings.HasSuffix(m[2], "s"):
			return errors.New("--schedule: write rate(1 day), and rate(30 days)")
		}
		return nil
	}
	if m := cronExpression.FindStringSubmatch(expression); m != nil {
		f := strings.Fields(m[1])
		switch {
		case len(f) != 6:
			return errors.New("--schedule: a cron expression has six fields: minutes, hours, day of the month, month, day of the week, year")
		case f[0] != "0":
			return errors.New("--schedule: the minutes of a cron expression must be 0")
		case f[5] != "*":
			return errors.New("--schedule: the year of a cron expression must be *")
		case (f[2] == "?") == (f[4] == "?"):
			return errors.New("--schedule: one of the day of the month and the day of the week must be ?")
		}
		return nil
	}
	return errors.New("--schedule must be such as 'rate(30 days)' or 'cron(0 4 1 * ? *)'")
}
