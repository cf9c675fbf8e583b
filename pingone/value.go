package pingone

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const mask = "[secret]"

// A Secret holds a client secret, token or key. However it is printed, logged or
// encoded it shows the same mask; [Secret.Reveal] is the only way out. The zero
// value is the empty secret.
type Secret struct {
	_ [0]func() // no ==, which would compare addresses

	// A pointer, because fmt prints an unexported field without calling its methods, and
	// then shows only an address.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Masked reports whether the value is what tools show in place of a secret, such as ****
// or [redacted], and so cannot be a secret.
func (s Secret) Masked() bool {
	value := strings.Trim(strings.ToLower(s.Reveal()), "<>[](){}\"' ")
	if s.IsZero() || value == "" {
		return !s.IsZero()
	}
	for _, word := range []string{"redacted", "masked", "hidden", "secret", "sensitive", "sensitive value"} {
		if value == word {
			return true
		}
	}
	return strings.Trim(value, "*•x.") == "" || strings.Contains(value, "***")
}

// Equal compares in constant time. Two empty secrets are not equal: neither is a
// credential.
func (s Secret) Equal(t Secret) bool {
	return !s.IsZero() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// Fingerprint returns the first 8 hexadecimal digits of the value's SHA-256, to
// tell secrets apart in a log; empty for the empty secret. sha256sum gives the
// same, so an operator can compare without showing the value.
func (s Secret) Fingerprint() string {
	if s.IsZero() {
		return ""
	}
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:4])
}

func (s Secret) String() string               { return mask }
func (s Secret) GoString() string             { return mask }
func (s Secret) Format(f fmt.State, _ rune)   { io.WriteString(f, mask) }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(mask) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(mask) }

// UnmarshalJSON reads a JSON string. Its error does not quote the input.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var value string
	if json.Unmarshal(data, &value) != nil {
		return errors.New("decode a secret: not a JSON string")
	}
	*s = NewSecret(value)
	return nil
}
