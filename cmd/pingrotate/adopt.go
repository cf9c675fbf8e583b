package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"pingrotate/pingone"
	"pingrotate/rotation"
)

const adoptUsage = `Usage:
    pingrotate adopt --secret NAME --environment UUID --pingone-region CODE --client-id UUID [...]
    pingrotate adopt --secret NAME --from-file document.json [...]

Makes a managed secret from an application that exists. PingOne's secret is taken over
as it is: it goes on working, and nobody has to be told before. The function does
that; no secret passes through here. Interrupted, it goes on when it is run again.
Prints the secret's ARN.

    --client-id UUID      the application
` + documentUsage + outputUsage + localUsage + accountUsage + `
Example:
    pingrotate adopt --secret pingone/orders-api --client-id ae72e133-0935-4935-a84c-4dcf7b5e8b71 \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --pingone-region EU --schedule 'rate(30 days)'
`

const newUsage = `Usage:
    pingrotate new --secret NAME --environment UUID --pingone-region CODE --preset PRESET --name NAME [...]
    pingrotate new --secret NAME --from-file document.json [...]

Makes a managed secret with a new application, which the function creates in PingOne:
with the roles and grants that are given here and no other. Interrupted, it goes on
when it is run again, and creates no second one. Prints the secret's ARN.

    --preset PRESET       non-interactive-worker, interactive-worker,
                          authorization-code-web-app or advanced-services-client
    --name NAME           the application's name in PingOne
    --redirect-uri URL    where users are sent back to; may be repeated
    --role NAME           a role, for the environment; may be repeated
    --grant RESOURCE=SCOPE,...
                          access to scopes of a resource; may be repeated
` + documentUsage + outputUsage + localUsage + accountUsage + `
Example:
    pingrotate new --secret pingone/orders-api --preset non-interactive-worker --name orders-api \
        --environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 --pingone-region EU --role 'Identity Data Admin'
`

const documentUsage = `    --environment UUID    the environment in PingOne
    --pingone-region CODE
                          NA, CA, EU, AU, SG or AP
    --admin-secret NAME   the admin's secret, where not the function's default
    --strategy NAME       single (the default) or alternating
    --grace DURATION      how long a replaced secret lives, such as 24h
    --from-file PATH      the document, for all that has no flag here; without secret

    --secret NAME         the secret to make in Secrets Manager
    --schedule TEXT       when to rotate, 'rate(30 days)' by default
    --kms-key KEY         the key that encrypts it, where not aws/secretsmanager
    --tag KEY=VALUE       a tag of the secret; may be repeated

`

// A blueprint is what adopt and new are asked to make.
type blueprint struct {
	command string
	account account
	output  *choice
	attachment

	environment, region, adminSecret, grace, file string
	strategy                                      *choice

	clientID string // of adopt

	preset        *choice // of new
	name          string
	redirects     many
	roles, grants many
}

func (b *blueprint) declare(flags *flag.FlagSet) {
	b.command = flags.Name()
	b.account.declareLocal(flags)
	b.output = outputFlag(flags)
	flags.StringVar(&b.environment, "environment", "", "")
	flags.StringVar(&b.region, "pingone-region", "", "")
	flags.StringVar(&b.adminSecret, "admin-secret", "", "")
	b.strategy = choose(flags, "strategy", "", "single", "alternating")
	flags.StringVar(&b.grace, "grace", "", "")
	flags.StringVar(&b.file, "from-file", "", "")
	flags.StringVar(&b.secret, "secret", "", "")
	flags.StringVar(&b.schedule, "schedule", "rate(30 days)", "")
	flags.StringVar(&b.kmsKey, "kms-key", "", "")
	flags.Var(&b.tags, "tag", "")
}

func adoptFlags(flags *flag.FlagSet) runner {
	var b blueprint
	b.declare(flags)
	flags.StringVar(&b.clientID, "client-id", "", "")
	return b.run(flags)
}

func newFlags(flags *flag.FlagSet) runner {
	var b blueprint
	b.declare(flags)
	b.preset = choose(flags, "preset", append([]string{""}, rotation.Presets()...)...)
	flags.StringVar(&b.name, "name", "", "")
	flags.Var(&b.redirects, "redirect-uri", "")
	flags.Var(&b.roles, "role", "")
	flags.Var(&b.grants, "grant", "")
	return b.run(flags)
}

// ofAttachment are the flags that say nothing of the document.
const ofAttachment = " secret schedule kms-key tag from-file function region profile local o "

func (b *blueprint) run(flags *flag.FlagSet) runner {
	return func(ctx context.Context, _ []string, stdout io.Writer) error {
		text, err := b.document(flags)
		if err == nil {
			err = b.attachment.check(text)
		}
		if err != nil {
			return usageError{b.command, err.Error()}
		}
		return b.attach(ctx, &b.account, b.output, stdout)
	}
}

// document composes or reads the document, and checks it as the function will.
func (b *blueprint) document(flags *flag.FlagSet) (string, error) {
	if _, err := pingone.ParseRegion(b.account.region); err == nil {
		return "", fmt.Errorf("--region is the Region of AWS; PingOne's is --pingone-region %s", b.account.region)
	}
	text, err := b.compose(flags)
	if err != nil {
		return "", err
	}
	d, err := rotation.ParseDocument(text)
	switch {
	case err != nil:
		return "", err
	case !d.ClientSecret.IsZero() || !d.PrivateKey.IsZero():
		return "", errors.New("the document must be without clientSecret and privateKey: the function takes the secret over from PingOne")
	case b.command == "adopt" && d.ClientID == "":
		return "", errors.New("--client-id is missing; pingrotate new creates an application")
	case b.command == "new" && d.Rotation.Application == nil:
		return "", errors.New("--preset and --name are missing")
	case b.command == "new" && d.ClientID != "":
		return "", errors.New("the document names an application already, in clientId; pingrotate adopt takes it over")
	}
	return text, nil
}

func (b *blueprint) compose(flags *flag.FlagSet) (string, error) {
	if b.file != "" {
		var both error
		flags.Visit(func(f *flag.Flag) {
			if !strings.Contains(ofAttachment, " "+f.Name+" ") {
				both = fmt.Errorf("--%s and --from-file do not go together; write it in the file", f.Name)
			}
		})
		if both != nil {
			return "", both
		}
		file, err := os.Open(b.file)
		if err != nil {
			return "", err
		}
		defer file.Close()
		text, err := io.ReadAll(io.LimitReader(file, 1<<17)) // twice what Secrets Manager stores
		return string(text), err
	}
	switch {
	case b.environment == "":
		return "", errors.New("--environment is missing: the environment in PingOne; or give a document by --from-file")
	case b.region == "":
		return "", errors.New("--pingone-region is missing: the region of that environment")
	}
	type object = map[string]any
	policy := object{}
	add := func(to object, name, value string) {
		if value != "" {
			to[name] = value
		}
	}
	add(policy, "adminSecretId", b.adminSecret)
	add(policy, "strategy", b.strategy.value)
	add(policy, "grace", b.grace)
	if b.preset != nil && b.preset.value+b.name != "" {
		application := object{}
		add(application, "preset", b.preset.value)
		add(application, "name", b.name)
		if len(b.redirects) > 0 {
			application["redirectUris"] = b.redirects
		}
		var roles, grants []object
		for _, role := range b.roles {
			roles = append(roles, object{"role": role, "scope": object{"type": "ENVIRONMENT", "id": b.environment}})
		}
		for _, grant := range b.grants {
			resource, scopes, ok := strings.Cut(grant, "=")
			if !ok {
				return "", fmt.Errorf("--grant must be a resource and its scopes, such as 'PingOne API=p1:read:user', not %q", grant)
			}
			grants = append(grants, object{"resource": resource, "scopes": strings.Split(scopes, ",")})
		}
		if roles != nil {
			application["roles"] = roles
		}
		if grants != nil {
			application["grants"] = grants
		}
		policy["application"] = application
	}
	d := object{}
	add(d, "environmentId", b.environment)
	add(d, "region", b.region)
	add(d, "clientId", b.clientID)
	if len(policy) > 0 {
		d["rotation"] = policy
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return string(text), err
}
