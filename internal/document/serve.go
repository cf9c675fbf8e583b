package document

import "pingrotate/pingone"

// mayServe checks that the admin's credential can be used for the target at all.
func (admin *Document) mayServe(target *Document) error {
	switch {
	case admin.AuthMethod == pingone.PrivateKeyJWT && admin.PrivateKey.IsZero():
		return NewFieldError("privateKey", "is missing; with PRIVATE_KEY_JWT it must be the application's RSA key, in PEM")
	case admin.AuthMethod != pingone.PrivateKeyJWT && admin.ClientSecret.IsZero():
		return NewFieldError("clientSecret", "is empty")
	case admin.Region != target.Region:
		return NewFieldError("region", "does not match the target's; correct the region of the secret's document, or name an admin of that region, because a credential is not sent across regions")
	case admin.EnvironmentID == target.EnvironmentID && (admin.ApplicationID() == target.ApplicationID() || admin.ApplicationID() == target.Rotation.Twin):
		return &Refusal{"is of the target application itself; no application can read or regenerate its own secret", "use another admin application"}
	}
	return nil
}
