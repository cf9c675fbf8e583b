package rotation

import (
	"time"

	"pingrotate/internal/document"
)

// A Document is the stored form of a credential.
type Document = document.Document

// ParseDocument decodes a document. Its errors name the field and quote no value.
func ParseDocument(text string) (*Document, error) { return document.Parse(text) }

// EntryFor returns, as JSON, the entry that a secret with this document needs in its admin's
// allow.
func EntryFor(secretName string, d *Document) string { return document.EntryFor(secretName, d) }

// ParseGrace reads how long a replaced secret lives, such as "24h".
func ParseGrace(s string) (time.Duration, error) { return document.ParseGrace(s) }

// Presets returns the names that rotation.application.preset may have, sorted.
func Presets() []string { return document.Presets() }

// IsDomain reports whether s is a host name in lower case and nothing else.
func IsDomain(s string) bool { return document.IsDomain(s) }
