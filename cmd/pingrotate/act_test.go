package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func (p *process) handle(ctx context.Context, event []byte) (any, error) {
	a, err := rotation.ParseAction(event)
	if err != nil {
		return nil, err
	}
	r := rotation.Report{Action: "rotate", SecretID: a.SecretID, Name: a.SecretID, Version: a.ClientRequestToken, Begun: time.Now()}
	d, err := p.rotator.Secrets.(*secretsmanager.Client).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &a.SecretID})
	if err != nil {
		r.Outcome, r.Error = rotation.Failed, err.Error()
		return r, nil
	}
	if !a.IfStoredBefore.IsZero() && !d.CreatedDate.Before(a.IfStoredBefore) {
		r.Outcome = rotation.Skipped
		return r, nil
	}
	token := a.ClientRequestToken
	if *d.VersionId == token {
		r.Outcome = rotation.Promoted
		return r, nil
	}
	if pending := p.sm.VersionID(a.SecretID, "AWSPENDING"); pending != "" && pending != *d.VersionId {
		token = pending
	} else if err := p.sm.BeginAs(a.SecretID, token, "0123456789012345678901234567890123456789"); err != nil {
		r.Outcome, r.Error = rotation.Failed, err.Error()
		return r, nil
	}
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		ev, _ := json.Marshal(map[string]string{"Step": step, "SecretId": a.SecretID, "ClientRequestToken": token, "RotationToken": "0123456789012345678901234567890123456789"})
		if err := p.rotator.Handle(ctx, ev); err != nil {
			r.Outcome, r.Error = rotation.Failed, err.Error()
			_, r.RateLimited = pingone.RateLimit(err)
			if strings.Contains(err.Error(), "refusing") {
				r.Outcome = rotation.Refused
			}
			return r, nil
		}
	}
	r.Calls.PingOneAPI = 6
	r.Outcome = rotation.Promoted
	return r, nil
}
