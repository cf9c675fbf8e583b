package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"pingrotate/pingone"
	"pingrotate/rotation"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A blueprint is what adopt and new have in common: the document to write, and the
// secret to make of it. Its fields are flags.
type blueprint struct {
	environment, region, adminSecret, grace, file string
	strategy                                      choice
	attachment
}

// An object is one of JSON.
type object = map[string]any

func newBlueprint(p *program) *blueprint {
	return &blueprint{
		strategy:   choice{of: []string{"single", "alternating"}},
		attachment: attachment{program: p, schedule: "rate(30 days)"},
	}
}

// declare adds the flags.
func (b *blueprint) declare(flags *pflag.FlagSet) {
	flags.Var(text{&b.environment, "UUID"}, "environment", "the environment in PingOne")
	flags.Var(text{&b.region, "CODE"}, "pingone-region", "its region: NA, CA, EU, AU, SG or AP")
	flags.Var(text{&b.adminSecret, "NAME"}, "admin-secret", "the admin's secret, where not the function's default")
	flags.Var(&b.strategy, "strategy", "one application, or two that take turns; single by default")
	flags.Var(text{&b.grace, "DURATION"}, "grace", "how long a replaced secret lives, such as 24h or 7d")
	flags.Var(text{&b.file, "FILE"}, "from-file", "the document, for all that has no flag here; without secret")
	flags.Var(text{&b.secret, "NAME"}, "secret", "the secret to make in Secrets Manager")
	flags.Var(text{&b.schedule, "TEXT"}, "schedule", "when to rotate: a rate or a cron expression")
	flags.Var(text{&b.kmsKey, "KEY"}, "kms-key", "the key that encrypts it, where not aws/secretsmanager")
	flags.Var(list{&b.tags, "KEY=VALUE"}, "tag", "a tag of the secret; may be repeated")
}

// ofDocument are the flags that a document from a file has in itself.
var ofDocument = []string{"environment", "pingone-region", "admin-secret", "strategy", "grace", "client-id", "preset", "name", "redirect-uri", "role", "grant"}

// make checks everything, and then makes the secret. The members are those of the
// document, and of its rotation, that only one of the commands has flags for.
func (b *blueprint) make(c *cobra.Command, members, policy object, fits func(*rotation.Document) error) error {
	text, err := b.document(c.Flags(), members, policy)
	if err == nil {
		err = b.suits(text, fits)
	}
	if err == nil {
		err = b.attachment.check(text)
	}
	if err != nil {
		return misuse(c, "%v", err)
	}
	return b.attach(c.Context())
}

// suits checks the document as the function will, and as the command needs it.
func (b *blueprint) suits(text string, fits func(*rotation.Document) error) error {
	d, err := rotation.ParseDocument(text)
	if err != nil {
		return err
	}
	if !d.ClientSecret.IsZero() || !d.PrivateKey.IsZero() {
		return errors.New("the document must be without clientSecret and privateKey: the function takes the secret over from PingOne")
	}
	return fits(d)
}

// document reads the document from the file, or composes it.
func (b *blueprint) document(flags *pflag.FlagSet, members, policy object) (string, error) {
	if _, err := pingone.ParseRegion(b.program.region); err == nil {
		return "", fmt.Errorf("--region is the Region of AWS; PingOne's is --pingone-region %s", b.program.region)
	}
	if b.file != "" {
		for _, name := range ofDocument {
			if f := flags.Lookup(name); f != nil && f.Changed {
				return "", fmt.Errorf("--%s and --from-file do not go together; write it in the file", name)
			}
		}
		return readDocument(b.file)
	}
	switch {
	case b.environment == "":
		return "", errors.New("--environment is missing: the environment in PingOne; or give a document by --from-file")
	case b.region == "":
		return "", errors.New("--pingone-region is missing: the region of that environment")
	}
	set(policy, "adminSecretId", b.adminSecret)
	set(policy, "strategy", b.strategy.value)
	set(policy, "grace", inHours(b.grace))
	set(members, "environmentId", b.environment)
	set(members, "region", b.region)
	if len(policy) > 0 {
		members["rotation"] = policy
	}
	text, err := json.MarshalIndent(members, "", "  ")
	return string(text), err
}

// set adds a member unless it is empty.
func set(o object, name, value string) {
	if value != "" {
		o[name] = value
	}
}

// readDocument reads a file, up to twice what Secrets Manager stores.
func readDocument(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 1<<17))
	return string(text), err
}

// inHours writes a duration in days as the document has it. What is none is left to the
// document's own check.
func inHours(grace string) string {
	if !strings.Contains(grace, "d") {
		return grace
	}
	d, err := parseSpan(grace)
	if err != nil {
		return grace
	}
	return d.String()
}
