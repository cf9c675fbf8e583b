package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pingrotate/internal/document"
	"pingrotate/internal/lazyregexp"
	"pingrotate/internal/parallel"
	"pingrotate/internal/remedy"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// The function's settings alone decide which secrets are admins. The writer of a document
// must not be able to change that.

// admins lists the secrets that the settings name as the function's admins.
func (s Settings) admins() (ids []string) {
	for _, id := range append([]string{s.AdminSecretID}, s.AdminSecretIDs...) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// isAdmin reports whether a secret, given by the ARN and the name that Secrets Manager
// returns, is an admin of the function. A name in the settings means a secret in home, the
// function's own account and Region.
func (s Settings) isAdmin(arn, name, home string) bool {
	return slices.ContainsFunc(s.admins(), func(id string) bool {
		return id == arn || id == name && place(arn) == home
	})
}

// mayBeAdmin reports whether the id that a document gives as its admin can be one, before
// the secret is read. [Settings.isAdmin] judges the secret that Secrets Manager then returns,
// because a secret of another account may have the same name.
func (s Settings) mayBeAdmin(id string) bool {
	return slices.ContainsFunc(s.admins(), func(admin string) bool { return id == admin || secretNameOf(id) == secretNameOf(admin) })
}

// home is the function's own account and Region. The managed secrets are there too.
func (r *run) home() string {
	if r.secret.arn == "" { // the secret does not exist yet
		return place(r.FunctionARN)
	}
	return place(r.secret.arn)
}

// place returns the partition, Region and account of an ARN.
func place(id string) string {
	a, err := arn.Parse(id)
	if err != nil {
		return ""
	}
	return a.Partition + ":" + a.Region + ":" + a.AccountID
}

// adminFor returns the id of the secret that holds the credential for the document's target.
// A document may name only an admin of the function.
func (s Settings) adminFor(d *document.Document) (string, error) {
	id := cmp.Or(d.Rotation.AdminSecretID, s.AdminSecretID)
	switch {
	case id == "":
		return "", document.NewFieldError("rotation.adminSecretId", "is missing, and the function has no default in PINGONE_ADMIN_SECRET_ID")
	case !s.mayBeAdmin(id):
		return "", errNoAdmin
	}
	return id, nil
}

var errNoAdmin = remedy.With(document.NewFieldError("rotation.adminSecretId", "names a secret that is not an admin of this function"),
	"name one that "+AdminsVariable+" lists, or have the function's owner add this one there")

var looksLikeID = lazyregexp.New(`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`)

// adminApplications returns the ids of the applications that are the function's admins. The
// known secret is not read again.
//
// An admin whose secret is gone or unreadable is left out: the function cannot know its
// application, and the secrets of other admins must not suffer. A person who can delete or
// lock that secret owns the admin anyway. If a document does not parse, every id in it counts.
func (r *run) adminApplications(ctx context.Context, known adminSecret) (ids []string, err error) {
	for _, a := range r.adminSecrets(ctx, known) {
		refused := (*SecretsManagerError)(nil)
		switch {
		case a.err == nil:
			ids = append(ids, idsOf(a.out)...)
		case errors.As(a.err, &refused) && refused.refused():
			r.record.warn("which application the admin secret %s is of could not be read, and an allowance of \"*\" may reach it: %v", a.id, a.err)
		default:
			return nil, fmt.Errorf("find the applications that are admins of the function: %w", a.err)
		}
	}
	return ids, nil
}

// adminSecrets reads the secrets of all the function's admins, except the known one.
func (r *run) adminSecrets(ctx context.Context, known adminSecret) []adminSecret {
	all := []adminSecret{known}
	for _, id := range r.Settings.admins() {
		if id != known.id {
			all = append(all, adminSecret{id: id})
		}
	}
	reads := make([]func() error, len(all)-1)
	for i := range reads {
		reads[i] = func() error { all[i+1] = r.secret.readAdmin(ctx, all[i+1].id); return nil }
	}
	parallel.Do(reads...) // each result has its own error
	return all
}

// idsOf returns the id of the application whose credential an admin's secret holds; if the
// document does not parse, everything in it that looks like an id.
func idsOf(out *secretsmanager.GetSecretValueOutput) []string {
	v, err := decode(out)
	if err == nil {
		return []string{v.ApplicationID()}
	}
	all := looksLikeID.FindAllString(aws.ToString(out.SecretString), -1)
	for i, id := range all {
		all[i] = strings.ToLower(id)
	}
	return all
}

// readAdmin reads an admin's secret.
func (s *secret) readAdmin(ctx context.Context, id string) adminSecret {
	out, err := s.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id}, s.count.requests)
	if err != nil {
		err = secretsManagerError("read the admin secret "+id, err)
	}
	return adminSecret{id, out, err}
}
