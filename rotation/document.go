package rotation

import (
	"time"

	"pingrotate/internal/document"
)

// A Document is the stored form of a credential.
type Document = document.Document

// ParseDocument decodes a document. An error names the field that is wrong and
// quotes no value.
func ParseDocument(text string) (*Document, error) { return document.Parse(text) }

// EntryFor returns the entry of an admin's allow that a secret with this document needs,
// as JSON.
func EntryFor(secretName string, d *Document) string { return document.EntryFor(secretName, d) }

// ParseGrace reads how long a replaced secret shall live, such as "24h".
func ParseGrace(s string) (time.Duration, error) { return document.ParseGrace(s) }

// Presets returns the names that rotation.application.preset may have, sorted.
func Presets() []string { return document.Presets() }

// IsDomain reports whether s is a host name in lower case, and nothing more.
func IsDomain(s string) bool { return document.IsDomain(s) }
