package main

import (
	"time"

	"pingrotate/rotation"
)

// attached is what adopt and new write as JSON.
type attached struct {
	ARN          string            `json:"arn"`
	Name         string            `json:"name"`
	ClientID     string            `json:"clientId,omitempty"` // where this run has made or met it
	NextRotation time.Time         `json:"nextRotation,omitzero"`
	Report       *rotation.Report  `json:"report,omitempty"` // of what filled it in this run
	Check        *rotation.Checkup `json:"check,omitempty"`
}

// conclude says what there is now.
func (a *attachment) conclude(report rotation.Report, now *holder, found *rotation.Checkup) error {
	if a.json() {
		return a.write(attached{now.arn, now.name, a.clientOf(report), now.next, filled(report), found})
	}
	page := a.page()
	page.say("%s", now.arn)
	a.instruct(report, now)
	return page.err
}

// clientOf returns the client id in the secret; "" where it is not known, as of an
// application that an earlier run created.
func (a *attachment) clientOf(r rotation.Report) string {
	if d, err := rotation.ParseDocument(a.text); err == nil && d.ClientID != "" {
		return d.ClientID
	}
	if a.taken != nil && a.taken.document != nil {
		return a.taken.document.ClientID
	}
	return r.ClientID
}
