package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pingrotate/internal/campaign"
	"pingrotate/internal/remedy"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// An editing is what edit is asked to do. Its fields are flags.
type editing struct {
	*program
	file string
	yes  bool
}

func newEdit(p *program) *cobra.Command {
	e := editing{program: p}
	c := &cobra.Command{
		GroupID: "act",
		Use:     "edit SECRET",
		Short:   "Change a secret's document, checked before it is stored",
		Long: `Opens the document of a secret in $VISUAL or $EDITOR, with words in place of the client
secret. What you save is checked, here and by the function, and shown as the lines that
change; then it becomes AWSCURRENT with the same client secret. If another version has
become AWSCURRENT meanwhile, nothing is stored.

Other members of the document are shown as they are. The command reads and stores the
document with your own rights, and changes neither the client id nor the client secret.`,
		Example: `    pingrotate edit pingone/orders-api
    pingrotate edit pingone/orders-api --from-file document.json --yes`,
		Args:              takes(1, 1, "SECRET"),
		ValidArgsFunction: p.completeSecret,
		RunE:              func(c *cobra.Command, args []string) error { return e.run(c, args[0]) },
	}
	c.Flags().Var(text{&e.file, "FILE"}, "from-file", "the new document, in place of an editor; without the client secret, or with the words that edit shows for it")
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask")
	return c
}

func (e *editing) run(c *cobra.Command, secret string) error {
	ctx := c.Context()
	call, err := e.call(ctx)
	if err != nil {
		return err
	}
	client := secretsmanager.NewFromConfig(e.cfg)
	now, err := e.lookUp(ctx, client, secret)
	switch {
	case err != nil:
		return err
	case now == nil:
		return e.absent(ctx, "edit", secret)
	case now.deleted:
		return remedy.Errorf("restore it with aws secretsmanager restore-secret", "edit: the secret %s is about to be deleted", secret)
	case now.underWay(e.clock.time()):
		return remedy.Errorf("run the same command again when it is over", "edit: a rotation of %s is under way", secret)
	}
	before, err := e.program.text(ctx, client, now)
	if err != nil {
		return err
	}
	old, err := rotation.ParseDocument(before)
	if err != nil {
		return remedy.Errorf("store a correct one with aws secretsmanager put-secret-value", "edit %s: %s", secret, err)
	}
	edited, err := e.edited(ctx, old.Hidden())
	if err != nil {
		return fmt.Errorf("edit %s: %w", secret, err)
	}
	if err := e.store(c, call, now, old, edited); err != nil {
		if e.file == "" {
			err = errors.Join(err, e.keep(secret, edited))
		}
		return err
	}
	return nil
}

// store checks the edited document, asks, and stores it.
func (e *editing) store(c *cobra.Command, call campaign.Call, now *holder, old *rotation.Document, edited string) error {
	ctx, secret := c.Context(), now.name
	next, err := keeping(old, edited)
	if err != nil {
		return fmt.Errorf("edit %s; nothing was changed: %w", secret, err)
	}
	changes := changedLines(old.Hidden(), next.Hidden())
	if len(changes) == 0 {
		e.note("%s: nothing was changed", secret)
		return nil
	}
	for _, line := range changes {
		fmt.Fprintln(printable{e.err}, line)
	}
	if err := e.allowed(ctx, call, now, next); err != nil {
		return err
	}
	if err := e.confirm(c, fmt.Sprintf("This stores the document of %s with these changes.", secret), secret, e.yes); err != nil {
		return err
	}
	if err := e.replaceCurrent(ctx, secretsmanager.NewFromConfig(e.cfg), now, rotation.NewToken(), next.Reveal()); err != nil {
		return err
	}
	e.note("%s has the new document; its client secret was not changed", secret)
	return nil
}

// keep writes a text that was not stored to a file that only this user may read, so that
// its author can continue with it.
func (e *editing) keep(secret, edited string) error {
	f, err := os.CreateTemp("", "pingrotate-*.json")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(edited + "\n"); err != nil {
		return err
	}
	e.note("your text is kept in %s; correct it there, and continue with pingrotate edit %s --from-file %s", f.Name(), secret, f.Name())
	return f.Close()
}

// keeping reads an edited text, and puts the secret back in it.
func keeping(old *rotation.Document, edited string) (*rotation.Document, error) {
	next, err := rotation.ParseDocument(old.Shown(edited))
	if err != nil {
		return nil, err
	}
	switch next = next.Keeping(old.ClientSecret); {
	case next.EnvironmentID != old.EnvironmentID || next.ClientID != old.ClientID:
		return nil, remedy.Errorf("make another secret for it with pingrotate adopt", "the client cannot be changed: the secret is that of %s", old.ClientID)
	case !old.ClientSecret.IsZero() && !next.ClientSecret.Equal(old.ClientSecret):
		return nil, remedy.Errorf("leave it as it is; pingrotate rotate makes a new one", "the client secret cannot be changed")
	case !old.PrivateKey.IsZero() && !next.PrivateKey.Equal(old.PrivateKey):
		return nil, remedy.Errorf("leave it as it is, and store another key with aws secretsmanager put-secret-value", "the private key cannot be changed")
	}
	return next, nil
}

// edited returns the text from the file, or from an editor.
func (e *editing) edited(ctx context.Context, hidden string) (string, error) {
	if e.file != "" {
		return readDocument(e.file)
	}
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"))
	if editor == "" {
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return "", remedy.Errorf("set EDITOR, or use --from-file", "there is no terminal for an editor")
		}
		editor = "vi"
	}
	dir, err := os.MkdirTemp("", "pingrotate-") // which only this user may read
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "document.json")
	if err := os.WriteFile(path, []byte(hidden+"\n"), 0o600); err != nil {
		return "", err
	}
	run := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", path) // EDITOR may have arguments
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stderr, os.Stderr
	if err := run.Run(); err != nil {
		return "", remedy.Errorf("set EDITOR, or use --from-file", "run the editor %s: %w", editor, err)
	}
	text, err := readDocument(path)
	return strings.TrimSuffix(text, "\n"), err
}

// allowed has the function check the new document. A secret that it does not rotate is
// none of its business.
func (e *editing) allowed(ctx context.Context, call campaign.Call, now *holder, next *rotation.Document) error {
	if !now.enabled {
		e.note("%s is not rotated, so that the function did not check the document", now.name)
		return nil
	}
	done := e.busy("checking the new document of " + now.name)
	raw, err := call(ctx, rotation.Action{Action: rotation.ActionCheck, SecretID: now.arn, Document: next.Outline(), By: e.by(ctx)})
	done()
	if err != nil {
		return fmt.Errorf("check the document of %s: %w", now.name, err)
	}
	found, err := readJSON[rotation.Checkup](raw)
	if err != nil {
		return err
	}
	if !found.WouldRotate {
		return errors.New("edit: " + now.name + " was not changed: " + because(found))
	}
	return nil
}
