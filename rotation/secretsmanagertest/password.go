package secretsmanagertest

import (
	"crypto/rand"
	"math/big"
	"strings"
)

// The kinds of characters of a random password, in the order of the API's parameters.
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

func (c *call) getRandomPassword(in struct {
	PasswordLength                                                         *int
	ExcludeCharacters                                                      string
	ExcludeLowercase, ExcludeUppercase, ExcludeNumbers, ExcludePunctuation bool
	IncludeSpace                                                           bool
	RequireEachIncludedType                                                *bool
}) (any, error) {
	size := 32
	if in.PasswordLength != nil {
		size = *in.PasswordLength
	}
	var types []string
	for _, t := range []struct {
		characters string
		excluded   bool
	}{
		{lowercase, in.ExcludeLowercase}, {uppercase, in.ExcludeUppercase}, {numbers, in.ExcludeNumbers},
		{punctuation, in.ExcludePunctuation}, {" ", !in.IncludeSpace},
	} {
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(in.ExcludeCharacters, r) {
				return -1
			}
			return r
		}, t.characters)
		if !t.excluded && left != "" {
			types = append(types, left)
		}
	}
	each := in.RequireEachIncludedType == nil || *in.RequireEachIncludedType
	switch {
	case size < 1 || size > 4096:
		return nil, refuse("InvalidParameterException", "Password length must be between 1 and 4096.")
	case len(types) == 0:
		return nil, refuse("InvalidParameterException", "No characters are left to make a password of.")
	case each && size < len(types):
		return nil, refuse("InvalidParameterException", "Password length %d is too short for each included type of character.", size)
	}
	all := strings.Join(types, "")
	password := make([]byte, size)
	for i := range password {
		from := all
		if each && i < len(types) {
			from = types[i]
		}
		password[i] = from[below(len(from))]
	}
	for i := range password { // shuffle: the types may be anywhere
		j := i + below(size-i)
		password[i], password[j] = password[j], password[i]
	}
	c.kept = append(c.kept, string(password))
	return struct{ RandomPassword string }{string(password)}, nil
}

func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // the system's source of randomness does not fail
	}
	return int(i.Int64())
}
