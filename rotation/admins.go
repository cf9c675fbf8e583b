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

// Which secrets are admins is for the function's settings to say, and for nothing that a
// document's writer can change.

// admins lists the secrets that are admins of the function, as the settings name them.
func (s Settings) admins() (ids []string) {
	for _, id := range append([]string{s.AdminSecretID}, s.AdminSecretIDs...) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// isAdmin reports whether a secret, by the ARN and the name that Secrets Manager has of
// it, is an admin of the function. A name in the settings is of a secret in the function's
// own account and Region.
func (s Settings) isAdmin(arn, name, home string) bool {
	return slices.ContainsFunc(s.admins(), func(id string) bool {
		return id == arn || id == name && place(arn) == home
	})
}

// mayBeAdmin reports whether what a document calls its admin can be one, before it is
// read. What Secrets Manager then takes for that secret is for [Settings.isAdmin] to
// judge: a secret of another account may have the same name.
func (s Settings) mayBeAdmin(id string) bool {
	return slices.ContainsFunc(s.admins(), func(admin string) bool { return id == admin || secretNameOf(id) == secretNameOf(admin) })
}

// home is the function's own account and Region, in which the managed secrets are.
func (r *run) home() string {
	if r.secret.arn == "" { // of a secret that does not exist yet
		return place(r.FunctionARN)
	}
	return place(r.secret.arn)
}

// place is the partition, Region and account of an ARN.
func place(id string) string {
	a, err := arn.Parse(id)
	if err != nil {
		return ""
	}
	return a.Partition + ":" + a.Region + ":" + a.AccountID
}

// adminFor returns the id of the secret with the credential that acts on the document's
// target. A document may name an admin of the function, and no other secret.
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

// adminApplications returns the ids of the applications that are admins of the function.
// The secret given has been read already.
//
// An admin whose secret is gone, or may not be read, is none, as far as the function can
// tell; it is no reason to leave the secrets of other admins alone. A person who can bring that
// about owns the admin. If its document does not parse, every id in it counts.
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

// adminSecrets reads the secrets of all admins of the function but the one that is known.
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
	parallel.Do(reads...) // what fails is beside each
	return all
}

// idsOf returns the id of the application whose credential an admin's secret holds.
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
