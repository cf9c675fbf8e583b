package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"pingrotate/internal/document"
	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// readAdmin reads an admin's credential from its secret, with the operator's own
// rights. The region is that of the admin's organization.
func (p *program) readAdmin(ctx context.Context, secretID string) (pingone.Credential, pingone.Region, error) {
	const what = "read the admin secret"
	var none pingone.Credential
	out, err := secretsmanager.NewFromConfig(p.cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secretID})
	if err != nil {
		return none, "", advise(what, "secretsmanager:GetSecretValue", err)
	}
	d, err := document.Parse(aws.ToString(out.SecretString))
	if err != nil {
		return none, "", fmt.Errorf("%s %s: %w", what, secretID, err)
	}
	environment, err := environmentOf(d.Region, d.EnvironmentID)
	if err != nil {
		return none, "", err
	}
	admin := pingone.Credential{
		Environment: environment, ClientID: d.ClientID, Secret: d.ClientSecret, Method: cmp.Or(d.AuthMethod, pingone.ClientSecretBasic),
		PrivateKey: d.PrivateKey, KeyID: d.KeyID,
	}
	if err := admin.Check(); err != nil {
		return none, "", fmt.Errorf("%s %s: %w", what, secretID, err)
	}
	return admin, d.Region, nil
}

// environmentOf returns where an environment is served: by the region's hosts, or by
// those of the function's settings, which this process has in the sandbox.
func environmentOf(region pingone.Region, id string) (pingone.Environment, error) {
	settings, err := rotation.ParseSettings(os.Getenv)
	if err != nil {
		return pingone.Environment{}, err
	}
	e, err := settings.Regions.Environment(region, id)
	if err != nil {
		return e, err
	}
	if settings.APIURL != "" {
		e.API, e.Auth = settings.APIURL, settings.AuthURL+"/"+id
	}
	return e, nil
}
