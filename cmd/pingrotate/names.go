package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"
)

// Limits on what a key press may cost.
const (
	namesKept  = 20 * time.Second
	namesLimit = 3 * time.Second
)

// completeSecrets offers the names of the function's secrets that are not on the
// command line yet. It is silent on errors: there is nothing to say them to.
func (p *program) completeSecrets(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, namesLimit)
	defer cancel()
	names := slices.DeleteFunc(p.names(ctx), func(name string) bool { return slices.Contains(given, name) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeSecret is completeSecrets for a command that takes one.
func (p *program) completeSecret(c *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.completeSecrets(c, given, typed)
}

// names returns the names of the function's secrets, as they are now or were some
// seconds ago; none where they cannot be listed.
func (p *program) names(ctx context.Context) []string {
	if p.choose() != nil {
		return nil
	}
	file := p.namesFile()
	if names, ok := keptNames(file, time.Now()); ok {
		return names
	}
	if p.open(ctx) != nil {
		return nil
	}
	client := secretsmanager.NewFromConfig(p.cfg, func(o *secretsmanager.Options) { o.Retryer = aws.NopRetryer{} })
	names, off, err := secretsOf(ctx, client, namesFunction(p.function), nil)
	if err != nil {
		return nil
	}
	names = append(names, off...)
	slices.Sort(names)
	if text, err := json.Marshal(names); err == nil && file != "" && os.MkdirAll(filepath.Dir(file), 0o700) == nil {
		os.WriteFile(file, text, 0o600) // without it the next key press asks again
	}
	return names
}

// namesFile returns the path of the file that keeps the names. Which account is asked
// depends on more than can be known without asking; what is known makes the file's
// name.
func (p *program) namesFile() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	asked := p.function + "\n" + p.region + "\n" + p.profile
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"} {
		asked += "\n" + os.Getenv(name)
	}
	sum := sha256.Sum256([]byte(asked))
	return filepath.Join(dir, "pingrotate", fmt.Sprintf("names-%x.json", sum[:8]))
}

// keptNames returns the names in the file, unless they are too old.
func keptNames(file string, now time.Time) (names []string, ok bool) {
	info, err := os.Stat(file)
	if err != nil || now.Sub(info.ModTime()).Abs() > namesKept {
		return nil, false
	}
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &names) != nil {
		return nil, false
	}
	return names, true
}
