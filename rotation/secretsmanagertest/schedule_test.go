package secretsmanagertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func TestS21DescribeShowsRotation(t *testing.T) {
	s, c := start(t)
	s.AddFunction(function, honest(c))
	s.SetTime(time.Date(2026, 3, 10, 14, 30, 0, 0, time.UTC))
	s.Put(name, "v0")
	if d := describe(t, c); d.RotationEnabled != nil || d.RotationRules != nil || d.NextRotationDate != nil {
		t.Errorf("got %v, %v, %v before any rotation, want nothing", d.RotationEnabled, d.RotationRules, d.NextRotationDate)
	}
	for _, row := range []struct {
		days               int64
		schedule, duration string
		want               string // NextRotationDate, or the error's code
	}{
		{30, "", "", "2026-04-09T23:59:59Z"},
		{0, "rate(10 days)", "", "2026-03-20T23:59:59Z"},
		{0, "rate(10 days)", "3h", "2026-03-20T03:00:00Z"},
		{0, "rate(4 hours)", "", "2026-03-10T19:00:00Z"},
		{0, "cron(0 16 1,15 * ? *)", "2h", ""},
		{0, "cron(5 16 1 * ? *)", "", "InvalidParameterException"},
		{0, "rate(3 hours)", "", "InvalidParameterException"},
		{0, "rate(1000 days)", "", "InvalidParameterException"},
		{0, "every day", "", "InvalidParameterException"},
		{1001, "", "", "InvalidParameterException"},
		{1, "rate(1 day)", "", "InvalidParameterException"},
		{1, "", "90m", "InvalidParameterException"},
	} {
		rules := &types.RotationRulesType{}
		if row.days != 0 {
			rules.AutomaticallyAfterDays = &row.days
		}
		if row.schedule != "" {
			rules.ScheduleExpression = &row.schedule
		}
		if row.duration != "" {
			rules.Duration = &row.duration
		}
		err := rotate(t, c, func(in *sm.RotateSecretInput) { in.RotationLambdaARN, in.RotationRules = aws.String(function), rules })
		s.Wait()
		if strings.HasSuffix(row.want, "Exception") {
			refused(t, err, row.want, "")
			continue
		}
		must(t, err)
		d := describe(t, c)
		got := ""
		if d.NextRotationDate != nil {
			got = d.NextRotationDate.UTC().Format(time.RFC3339)
		}
		if got != row.want || aws.ToString(d.RotationRules.ScheduleExpression) != row.schedule || aws.ToString(d.RotationLambdaARN) != function {
			t.Errorf("%+v: got next rotation %q and %+v", row, got, d.RotationRules)
		}
		if row.schedule == "rate(10 days)" && aws.ToInt64(d.RotationRules.AutomaticallyAfterDays) != 10 {
			t.Errorf("got %v days, want 10 computed", d.RotationRules.AutomaticallyAfterDays)
		}
		if !d.LastRotatedDate.Equal(s.Now()) {
			t.Errorf("got last rotation %v, want %v", d.LastRotatedDate, s.Now())
		}
	}
}
