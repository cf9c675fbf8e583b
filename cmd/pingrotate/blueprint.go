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
	names                                         []string
	show                                          bool
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
	flags.Var(text{&b.grace, "DURATION"}, "grace", "how long a replaced secret works, such as 24h or 7d")
	flags.Var(list{&b.names, "MEMBER=NAME"}, "names", "the name under which applications read a member, such as clientSecret=CLIENT_SECRET; may be repeated")
	flags.Var(text{&b.file, "FILE"}, "from-file", "the document, for all that has no flag here; without secret")
	flags.Var(text{&b.secret, "NAME"}, "secret", "the secret to make in Secrets Manager")
	flags.Var(text{&b.schedule, "TEXT"}, "schedule", "when to rotate: a rate or a cron expression, in UTC")
	flags.Var(text{&b.window, "HOURS"}, "window", "for how long after its time a rotation may begin, such as 3h; Secrets Manager's default is the rest of the day, or an hour for a schedule in hours")
	flags.Var(text{&b.kmsKey, "KEY"}, "kms-key", "the key that encrypts it, where not aws/secretsmanager")
	flags.Var(list{&b.tags, "KEY=VALUE"}, "tag", "a tag of the secret; may be repeated")
	flags.BoolVar(&b.dryRun, "dry-run", false, "check everything, say what would be done, and change nothing")
	flags.BoolVar(&b.show, "print", false, "print the document that would be stored, which holds no secret, and do nothing")
}

// ofDocument are the flags that a document from a file has in itself.
var ofDocument = []string{"environment", "pingone-region", "admin-secret", "strategy", "grace", "names", "client-id", "kind",
	"preset", "name", "redirect-uri", "role", "grant", "resource", "audience", "scope", "attribute"}

// make checks everything, and then makes the secret. The members are those of the
// document, and of its rotation, that only one of the commands has flags for.
func (b *blueprint) make(c *cobra.Command, members, policy object, fits func(*rotation.Document) error) error {
	text, err := b.document(c.Flags(), members, policy)
	if err == nil {
		err = b.suits(text, fits)
	}
	if err == nil && b.show {
		_, err = fmt.Fprintln(printable{b.out}, text)
		return err
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

// clean corrects what can only be meant in one way.
func (b *blueprint) clean() error {
	if _, err := pingone.ParseRegion(b.program.region); err == nil {
		return fmt.Errorf("--region is the Region of AWS; PingOne's is --pingone-region %s", b.program.region)
	}
	b.environment, b.region = strings.ToLower(b.environment), strings.ToUpper(b.region)
	return nil
}

// document reads the document from the file, or composes it.
func (b *blueprint) document(flags *pflag.FlagSet, members, policy object) (string, error) {
	if err := b.clean(); err != nil {
		return "", err
	}
	if b.file != "" {
		for _, name := range ofDocument {
			if f := flags.Lookup(name); f != nil && f.Changed {
				return "", fmt.Errorf("--%s and --from-file do not go together; write it in the file", name)
			}
		}
		return readDocument(b.file)
	}
	if err := b.missing(flags, "environment", "pingone-region"); err != nil {
		return "", err
	}
	if err := b.setPolicy(policy); err != nil {
		return "", err
	}
	names, err := parseNames(b.names)
	if err != nil {
		return "", err
	}
	if len(names) > 0 {
		policy["names"] = names
	}
	set(members, "environmentId", b.environment)
	set(members, "region", b.region)
	if err := rename(members, names); err != nil {
		return "", err
	}
	if len(policy) > 0 {
		members["rotation"] = policy
	}
	text, err := json.MarshalIndent(members, "", "  ")
	return string(text), err
}

// setPolicy sets the members of rotation that both commands have flags for.
func (b *blueprint) setPolicy(policy object) error {
	set(policy, "adminSecretId", b.adminSecret)
	set(policy, "strategy", b.strategy.value)
	set(policy, "grace", inHours(b.grace))
	return nil
}

// missing says which of the flags are missing, all at once.
func (b *blueprint) missing(flags *pflag.FlagSet, names ...string) error {
	var all []string
	for _, name := range names {
		if f := flags.Lookup(name); f != nil && f.Value.String() == "" {
			all = append(all, "--"+name)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return errors.New(all[0] + " is missing; or give a document by --from-file")
	}
	return errors.New(strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1] + " are missing; or give a document by --from-file")
}

// rename gives members the names that applications read. The objects around a name that is
// a JSON Pointer are made.
func rename(members object, names map[string]string) error {
	for member, name := range names {
		value, ok := members[member]
		if !ok {
			value = nil // the function writes it there; the objects around it must exist
		}
		delete(members, member)
		if !strings.HasPrefix(name, "/") {
			if ok {
				members[name] = value
			}
			continue
		}
		parts := strings.Split(name[1:], "/")
		at := members
		for _, part := range parts[:len(parts)-1] {
			part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
			inner, there := at[part].(object)
			if !there {
				if at[part] != nil {
					return fmt.Errorf("--names %s=%s: %s is no object", member, name, part)
				}
				inner = object{}
				at[part] = inner
			}
			at = inner
		}
		if ok {
			at[strings.ReplaceAll(strings.ReplaceAll(parts[len(parts)-1], "~1", "/"), "~0", "~")] = value
		}
	}
	return nil
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
	return inUnits(d)
}

// lowerUUID writes an id as PingOne does, where it is a UUID in capital letters.
func lowerUUID(id string) string {
	if low := strings.ToLower(id); len(id) == 36 && strings.Count(id, "-") == 4 {
		return low
	}
	return id
}
