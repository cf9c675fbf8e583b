package secretsmanagertest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const seedRegion = "us-east-1" // of secrets that are not created over the wire

var seedARN = regexp.MustCompile(`^arn:aws:secretsmanager:` + seedRegion + `:` + account + `:secret:(.+)-[A-Za-z0-9]{6}$`)

// Put stores a text value as a person would: as a new version labelled AWSCURRENT. It
// creates the secret if there is none with that name, and returns its ARN. A full ARN
// instead of a name creates a secret with that ARN, to match an event that is stored in a
// file.
func (s *Server) Put(name, text string) (arn string) {
	return s.seed(name, value{data: text})
}

// PutBinary is Put for a binary value.
func (s *Server) PutBinary(name string, data []byte) (arn string) {
	return s.seed(name, value{binary: true, data: string(data)})
}

func (s *Server) seed(name string, val value) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.lookup(name)
	if sec == nil {
		plain := name
		arn := seedARN.FindStringSubmatch(name)
		if arn != nil {
			plain = arn[1]
		}
		var err error
		if sec, err = s.create(plain, seedRegion); err != nil {
			s.journal.Misusef("secretsmanagertest: put secret %s: %v", name, err)
		}
		if arn != nil {
			sec.arn = name
		}
		defer func() { sec.fresh = false }()
	}
	if err := val.check(); err != nil {
		s.journal.Misusef("secretsmanagertest: put secret %s: %v", name, err)
	}
	if _, err := s.put(sec, newID(), val, nil, ""); err != nil {
		s.journal.Misusef("secretsmanagertest: put secret %s: %v", name, err)
	}
	return sec.arn
}

// Create makes a secret without any version and returns its ARN.
func (s *Server) Create(name string) (arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.create(name, seedRegion)
	if err != nil {
		s.journal.Misusef("secretsmanagertest: create secret %s: %v", name, err)
	}
	sec.fresh = false
	return sec.arn
}

// Remove deletes a secret at once, as a person would with ForceDeleteWithoutRecovery.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.must(name)
	s.remember(sec, 0)
	sec.deletion, sec.changed = s.Now(), s.Now()
}

func (s *Server) must(name string) *secret {
	sec := s.lookup(name)
	if sec == nil {
		s.journal.Misusef("secretsmanagertest: no secret %s", name)
	}
	return sec
}

// ARN returns the secret's full ARN.
func (s *Server) ARN(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.must(name).arn
}

// Value returns the value of the version with a label. It is not ok if no version has the
// label, or that version is empty.
func (s *Server) Value(name, label string) (text string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.must(name).versions.holding(label)
	if v == nil || v.value == nil {
		return "", false
	}
	return v.value.data, true
}

// VersionID returns the id of the version with a label, or "" if none has it.
func (s *Server) VersionID(name, label string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.must(name).versions.holding(label); v != nil {
		return v.id
	}
	return ""
}

// Labels returns the versions that have labels, as ids with sorted labels.
func (s *Server) Labels(name string) map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.must(name).versions.labelled()
}

// Events returns what the service reported about rotations, oldest first.
func (s *Server) Events(name string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.must(name).events)
}

// Values returns every secret value ever stored and every RotationToken, none of which may
// be in a log.
func (s *Server) Values() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept)
}

// Dump describes every secret: sorted by name, versions in the order of their
// creation, values as the first 8 hexadecimal digits of their SHA-256.
func (s *Server) Dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		sec := s.lookup(name)
		if sec == nil {
			continue
		}
		fmt.Fprintf(&b, "%s", name)
		if sec.rotationEnabled != nil {
			fmt.Fprintf(&b, " rotation=%t function=%s", *sec.rotationEnabled, sec.function)
		}
		if !sec.deletion.IsZero() {
			fmt.Fprintf(&b, " deleted=%s", sec.deletion.UTC().Format("2006-01-02T15:04:05Z"))
		}
		b.WriteByte('\n')
		for _, v := range sec.versions {
			content := "empty"
			if v.value != nil {
				content = digest(v.value.data)
			}
			fmt.Fprintf(&b, "  %s %s %v\n", v.id, content, v.labels)
		}
	}
	return b.String()
}

// LagReads makes reads eventually consistent by their number; [fault.Line.Lag] does so by
// the clock, or by the number of changes, and for single calls. From now on, each change of
// a secret's versions or labels, whoever makes it, is invisible to the next n
// DescribeSecret, GetSecretValue and ListSecretVersionIds calls for that secret.
func (s *Server) LagReads(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = n
}

// KeepPending chooses between the two legal ends of a rotation: AWSPENDING stays
// on the promoted version, or (the default) the service removes it.
func (s *Server) KeepPending(keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepPending = keep
}

// RequireRotationToken makes a rotation fail if its pending value was put without its
// RotationToken, as for a function that assumes a role or is in another account. In the
// secret's own account, the default, the token is not needed.
func (s *Server) RequireRotationToken(required bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokenNeeded = required
}

// RepeatLabels makes UpdateSecretVersionStage succeed if a label is already where it is to
// go, or already off every version. By default that is an error; no page says which.
func (s *Server) RepeatLabels(succeeds bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeatable = succeeds
}

// RefuseEmpty makes UpdateSecretVersionStage refuse to put a label on a version without a
// value. By default it puts it there, AWSCURRENT included; no page says which.
func (s *Server) RefuseEmpty(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emptyRefuses = refuse
}
