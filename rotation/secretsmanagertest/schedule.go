package secretsmanagertest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// rotationRules is the API's RotationRulesType: days in one field or an
// expression in the other, and the length of the window.
type rotationRules struct {
	AutomaticallyAfterDays *int64 `json:",omitempty"`
	Duration               string `json:",omitempty"`
	ScheduleExpression     string `json:",omitempty"`
}

var (
	rateExpression = regexp.MustCompile(`^rate\(([1-9]\d{0,3}) (hour|hours|day|days)\)$`)
	cronExpression = regexp.MustCompile(`^cron\(0 \S+ \S+ \S+ \S+ \*\)$`) // on the hour, in every year
	windowDuration = regexp.MustCompile(`^[1-9]\d?h$`)
)

// every returns the schedule's period in days or in hours. Both are zero for a
// cron expression.
func (r *rotationRules) every() (days, hours int) {
	if r.AutomaticallyAfterDays != nil {
		return int(*r.AutomaticallyAfterDays), 0
	}
	m := rateExpression.FindStringSubmatch(r.ScheduleExpression)
	if m == nil {
		return 0, 0
	}
	n, _ := strconv.Atoi(m[1]) // four digits at most
	if strings.HasPrefix(m[2], "hour") {
		return 0, n
	}
	return n, 0
}

func (r *rotationRules) check() error {
	days, hours := r.every()
	switch {
	case r.AutomaticallyAfterDays != nil && r.ScheduleExpression != "":
		return refuse("InvalidParameterException", "You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
	case r.AutomaticallyAfterDays != nil && (days < 1 || days > 1000),
		r.AutomaticallyAfterDays == nil && days > 999,
		hours != 0 && (hours < 4 || hours > 999*24):
		return refuse("InvalidParameterException", "Rotation interval is outside the valid range.")
	case r.ScheduleExpression != "" && days == 0 && hours == 0 && !cronExpression.MatchString(r.ScheduleExpression):
		return refuse("InvalidParameterException", "Invalid ScheduleExpression.")
	case r.Duration != "" && !windowDuration.MatchString(r.Duration):
		return refuse("InvalidParameterException", "Invalid Duration.")
	}
	return nil
}

// next returns the end of the window that follows a rotation at from, or zero if there are
// no rules or a cron expression, which the stand-in stores without computing. Windows of
// days open at midnight UTC and last the day; those of hours open on the hour and last one,
// unless a duration says otherwise.
func (r *rotationRules) next(from time.Time) time.Time {
	if r == nil {
		return time.Time{}
	}
	from = from.UTC()
	days, hours := r.every()
	var window time.Duration
	if r.Duration != "" {
		window, _ = time.ParseDuration(r.Duration) // checked when it was set
	}
	switch {
	case days > 0:
		if window == 0 {
			window = 24*time.Hour - time.Second
		}
		return from.Truncate(24*time.Hour).AddDate(0, 0, days).Add(window)
	case hours > 0:
		if window == 0 {
			window = time.Hour
		}
		return from.Truncate(time.Hour).Add(time.Duration(hours)*time.Hour + window)
	}
	return time.Time{}
}

// described returns the rules as DescribeSecret shows them: an expression in days
// comes with the computed number.
func (r *rotationRules) described() *rotationRules {
	if r == nil {
		return nil
	}
	shown := *r
	if days, _ := r.every(); days > 0 {
		n := int64(days)
		shown.AutomaticallyAfterDays = &n
	}
	return &shown
}
