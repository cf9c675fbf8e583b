package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"pingrotate/pingone"
)

// A Marker identifies an application that a rotation created, in the application's
// description. It belongs to one secret: another secret with the same specification does
// not take the application over.
type Marker struct{ text string }

// MarkerOf returns the marker of the secret with this ARN.
func MarkerOf(arn string) Marker {
	sum := sha256.Sum256([]byte(arn))
	return Marker{"[pingrotate " + hex.EncodeToString(sum[:8]) + "]"}
}

// String returns the marker as it appears in a description.
func (m Marker) String() string { return m.text }

// Marks reports whether the application was created for the secret, or marked as belonging
// to it.
func (m Marker) Marks(app *pingone.Application) bool { return m.in(app.Description) }

func (m Marker) in(description string) bool {
	return m.text != "" && strings.Contains(description, m.text)
}

// added returns the description with the marker.
func (m Marker) added(description string) string {
	return strings.TrimSpace(description + " " + m.text)
}

// TwinOf returns the marker of an application's twin that the rotation created.
func (m Marker) TwinOf(id string) string {
	return strings.TrimSuffix(m.text, "]") + " twin of " + id + "]"
}

func (m Marker) isTwin(app *pingone.Application, of string) bool {
	return m.text != "" && of != "" && strings.Contains(app.Description, m.TwinOf(of))
}

// Twins reports whether one of the applications was created as the other's twin. The writer
// of a document cannot make it so.
func (m Marker) Twins(a, b *pingone.Application) bool { return m.isTwin(a, b.ID) || m.isTwin(b, a.ID) }
