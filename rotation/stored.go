package rotation

import (
	"errors"
	"fmt"
	"time"

	"pingrotate/internal/document"
	"pingrotate/internal/remedy"
	"pingrotate/pingone"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// A stored is a version of the managed secret that has a value.
type stored struct {
	*document.Document
	versionID string
	created   time.Time
	standsIn  bool // the document is not this version's own, which does not parse, leads nowhere or names another client
}

// decode reads the document in a version.
func decode(out *secretsmanager.GetSecretValueOutput) (*stored, error) {
	versionID := aws.ToString(out.VersionId)
	if out.SecretString == nil {
		return nil, remedy.With(fmt.Errorf("version %s is binary", versionID), "store the document as SecretString")
	}
	d, err := document.Parse(*out.SecretString)
	if err != nil {
		if _, user := document.ParseTestUser(*out.SecretString); user == nil {
			return nil, errPassword
		}
		return nil, fmt.Errorf("version %s: %w", versionID, err)
	}
	return &stored{d, versionID, aws.ToTime(out.CreatedDate), false}, nil
}

// rotatable returns an error if the document's secret cannot be rotated.
func (v *stored) rotatable() error {
	if !v.PrivateKey.IsZero() {
		return errPrivateKey
	}
	if v.AuthMethod != "" && !v.AuthMethod.Supported() {
		return fmt.Errorf("version %s: %w", v.versionID, document.NewFieldError("tokenEndpointAuthMethod",
			fmt.Sprintf("must be one of %v to use a client secret", pingone.AuthMethods())))
	}
	return nil
}

// continues reports whether next differs from this version, AWSCURRENT, only in what a
// rotation writes.
func (v *stored) continues(next *stored) bool {
	if next.ClientID == v.ClientID && v.ClientID != "" {
		return next.Reveal() == v.With(next.ClientSecret, next.AuthMethod, next.TokenEndpoint).Reveal()
	}
	return next.Follows(v.Document)
}

// lost reports whether AWSCURRENT, which was this version at the last look, now leads to
// another client or to none, by a version that no rotation made.
func (v *stored) lost(next *stored) bool {
	switch {
	case v.rotatable() == nil && next.rotatable() != nil, v.Rotation.AdminSecretID != next.Rotation.AdminSecretID, v.IsResource() != next.IsResource():
		return true
	case v.ClientID == next.ClientID:
		return v.Principal() != next.Principal()
	}
	return !v.MayFollow(next.ClientID) || next.Principal() != v.Successor(next.ClientID).Principal()
}

// The secrets of other kinds that may leak too.
var (
	errPrivateKey = remedy.With(errors.New("the secret holds a private key, which PingOne cannot regenerate as it does a client secret"),
		"if the key has leaked, give the application another one in PingOne, remove the leaked one there, and store the new privateKey and keyId; then rotate what it could read: pingrotate rotate --all --emergency swift --keep-going")
	errPassword = remedy.With(errors.New("the secret holds a test user's password, and no client secret"),
		"if the password has leaked, set a new one for the user in PingOne and store it here; then run pingrotate check for a secret that names this one in rotation.verify.userSecretId, to see that the user can sign on")
)
