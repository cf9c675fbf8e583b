package provision

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"pingrotate/internal/document"
	"pingrotate/internal/parallel"
	"pingrotate/pingone"
)

// CreateTestUser creates what is missing of the user that rotation.verify.userSecretId
// names: a population, the user, and the user's password. It returns what it has created,
// even if it then fails.
//
// After a crash at any point, or a lost reply, the next run finds the population by its
// name, which contains the secret's marker, and continues from what is there. A user with
// that name in any other population is a real person. The writer of a managed secret
// chooses the name and must not reach an account that way, so that user is left alone, and
// so is a password that was set.
func (p *Provisioner) CreateTestUser(ctx context.Context, d *document.Document, u *document.TestUser) (done []string, err error) {
	var population string
	var user *pingone.User
	err = parallel.Do(
		func() (err error) {
			population, err = p.Client.FindPopulation(ctx, d.EnvironmentID, p.testPopulation())
			return err
		},
		func() (err error) {
			user, err = p.Client.FindUser(ctx, d.EnvironmentID, u.Login.Username)
			return err
		},
	)
	if err != nil {
		return nil, testUserError(d, err)
	}
	if user != nil && (population == "" || user.PopulationID != population) {
		return nil, taken(d, "user "+user.ID)
	}
	if population == "" {
		if population, err = p.Client.CreatePopulation(ctx, d.EnvironmentID, p.testPopulation()); err != nil {
			return nil, testUserError(d, err)
		}
		done = append(done, "created population "+population)
	}
	if user == nil {
		user = &pingone.User{}
		user.ID, err = p.Client.CreateUser(ctx, d.EnvironmentID, population, u.Login.Username, cmp.Or(u.Email, nowhere(u.Login.Username)))
		if pingone.IsDuplicate(err) { // created a moment ago, or in a different case
			return done, taken(d, "a user")
		}
		if err != nil {
			return done, testUserError(d, err)
		}
		done = append(done, "created user "+user.ID)
	}
	has, err := p.Client.HasPassword(ctx, d.EnvironmentID, user.ID)
	if err != nil || has {
		return done, testUserError(d, err)
	}
	if err := p.Client.SetPassword(ctx, d.EnvironmentID, user.ID, u.Login.Password); err != nil {
		return done, testUserError(d, err)
	}
	return append(done, "set the password of user "+user.ID), nil
}

// testPopulation returns the name of the population for the secret's test users.
func (p *Provisioner) testPopulation() string { return "Test users " + p.Marker.String() }

// nowhere returns an address for a user who gets no mail, because PingOne demands one.
// PingOne accepts only a domain that exists, and example.com is reserved for such purposes
// (RFC 2606). The username is not in it, because it may have characters that an address
// cannot have, or be a person's address.
func nowhere(username string) string {
	sum := sha256.Sum256([]byte(username))
	return "test-user-" + hex.EncodeToString(sum[:8]) + "@example.com"
}

func taken(d *document.Document, who string) error {
	return fmt.Errorf("%s of the environment has the test user's username and was not created for this secret, so it is left as it is; "+
		"store another username in the secret %s", who, d.Rotation.Verify.UserSecretID)
}

// testUserError adds what to do about a refusal.
func testUserError(d *document.Document, err error) error {
	refusal, _ := errors.AsType[*pingone.Error](err)
	switch {
	case err == nil:
		return nil
	case pingone.IsForbidden(err):
		return fmt.Errorf("the admin application may not manage users; give it the role Identity Data Admin at the environment %s: %w", d.EnvironmentID, err)
	case refusal != nil && refusal.Status == http.StatusBadRequest:
		return fmt.Errorf("PingOne does not accept the test user as it is; change the username, password or email in the secret %s: %w", d.Rotation.Verify.UserSecretID, err)
	}
	return fmt.Errorf("create the test user: %w", err)
}
