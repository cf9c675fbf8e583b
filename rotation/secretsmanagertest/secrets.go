package secretsmanagertest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/fault"
)

// The staging labels that the service itself moves.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

const (
	account     = "123456789012"
	maxVersions = 100
	maxLabels   = 20
	maxValue    = 65536 // bytes
)

type secret struct {
	name, arn, description, kmsKey string
	tags                           []tag
	created, changed               time.Time
	accessed                       time.Time // the last GetSecretValue; zero for none
	deletion                       time.Time // when it will be gone; zero if not scheduled
	versions                       versions
	fresh                          bool              // until the call that creates it has ended
	replicas                       map[string]string // status by region
	replicated                     time.Time         // when they have caught up with the last change

	rotationEnabled *bool // nil until rotation was configured
	function        string
	rules           *rotationRules
	rotated         time.Time
	next            time.Time // end of the next window; zero if unknown
	rotation        *rotation // the one in progress
	events          []Event
}

type tag struct{ Key, Value string }

type version struct {
	id            string
	created       time.Time
	accessed      time.Time // its last GetSecretValue; zero for none
	value         *value    // nil: registered by a rotation, not yet put
	labels        []string
	rotationToken string // that the value was put with
}

type value struct {
	binary bool
	data   string
}

// versions is a secret's versions in the order of their creation.
type versions []*version

func (vs versions) byID(id string) *version {
	for _, v := range vs {
		if v.id == id {
			return v
		}
	}
	return nil
}

func (vs versions) holding(label string) *version {
	for _, v := range vs {
		if v.has(label) {
			return v
		}
	}
	return nil
}

// move puts the label on a version, or takes it off all if the version is nil. AWSPREVIOUS
// follows AWSCURRENT.
func (vs versions) move(label string, to *version) {
	from := vs.holding(label)
	if from == to {
		return
	}
	if from != nil {
		from.labels = slices.DeleteFunc(from.labels, func(l string) bool { return l == label })
	}
	if to != nil {
		to.labels = append(to.labels, label)
		slices.Sort(to.labels)
	}
	if label == current && from != nil {
		vs.move(previous, from)
	}
}

// labelled returns the versions that are not deprecated, as ids with labels.
func (vs versions) labelled() map[string][]string {
	m := map[string][]string{}
	for _, v := range vs {
		if len(v.labels) > 0 {
			m[v.id] = slices.Clone(v.labels)
		}
	}
	return m
}

// labels returns the labels in use and the given ones, each once.
func (vs versions) labels(more ...string) []string {
	all := slices.Clone(more)
	for _, v := range vs {
		all = append(all, v.labels...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (vs versions) clone() versions {
	c := make(versions, len(vs))
	for i, v := range vs {
		copied := *v
		copied.labels = slices.Clone(v.labels)
		c[i] = &copied
	}
	return c
}

func (v *version) has(label string) bool { return slices.Contains(v.labels, label) }

// snapshot returns a copy that later changes do not affect.
func (sec *secret) snapshot() *secret {
	was := *sec
	was.versions, was.tags = sec.versions.clone(), slices.Clone(sec.tags)
	was.replicas = maps.Clone(sec.replicas)
	if sec.rotationEnabled != nil {
		enabled := *sec.rotationEnabled
		was.rotationEnabled = &enabled
	}
	return &was
}

// changing must be called before the versions or labels change.
func (s *Server) changing(sec *secret) {
	s.remember(sec, s.lag)
	sec.changed = s.Now()
	sec.replicated = sec.changed.Add(s.replicaLag)
}

// remember must be called before anything of the secret changes. The next hidden
// reads miss the change.
func (s *Server) remember(sec *secret, hidden int) {
	if sec.fresh {
		return
	}
	s.pastOf(sec.name).Push(sec.snapshot(), s.Now(), hidden)
}

// pastOf returns the former states of the secret with this name; nil is the state of one
// that did not exist.
func (s *Server) pastOf(name string) *fault.Past[*secret] {
	if s.past[name] == nil {
		s.past[name] = &fault.Past[*secret]{}
	}
	return s.past[name]
}

// room makes room for one more version by dropping deprecated ones that are more than a day
// old, or refuses.
func (s *Server) room(sec *secret) error {
	dayAgo := s.Now().Add(-24 * time.Hour)
	for len(sec.versions) >= maxVersions {
		i := slices.IndexFunc(sec.versions, func(v *version) bool {
			return len(v.labels) == 0 && v.created.Before(dayAgo)
		})
		if i < 0 {
			return refuse("LimitExceededException", msgQuota)
		}
		sec.versions = slices.Delete(sec.versions, i, i+1)
	}
	return nil
}

func (s *Server) add(sec *secret, id string) *version {
	v := &version{id: id, created: s.Now()}
	sec.versions = append(sec.versions, v)
	return v
}

// put stores a value as the version with this id and moves the labels to it, or AWSCURRENT
// if none are given. The rotation token is empty unless the rotation function calls.
func (s *Server) put(sec *secret, id string, val value, labels []string, rotationToken string) (*version, error) {
	v := sec.versions.byID(id)
	if v != nil && v.value != nil {
		if *v.value != val {
			return nil, refuse("ResourceExistsException", msgTokenUsed, id, sec.arn)
		}
		return v, nil
	}
	unlabelled := len(labels) == 0
	if unlabelled || len(sec.versions) == 0 {
		labels = append(slices.Clone(labels), current)
	}
	if len(sec.versions.labels(labels...)) > maxLabels {
		return nil, refuse("LimitExceededException", msgQuota)
	}
	if v == nil {
		if err := s.room(sec); err != nil {
			return nil, err
		}
	}

	s.changing(sec)
	// Without labels, the version that was current loses a label that a finished rotation
	// left on it.
	if was := sec.versions.holding(current); unlabelled && was != nil && was.has(pending) {
		sec.versions.move(pending, nil)
	}
	if r := sec.rotation; r != nil && r.token != id {
		s.abandon(sec)
	}
	if v == nil {
		v = s.add(sec, id)
	}
	v.value, v.rotationToken = &val, rotationToken
	s.kept = append(s.kept, val.data)
	for _, label := range labels {
		sec.versions.move(label, v)
	}
	if v.has(current) { // a value that was put manually counts as a rotation for the schedule
		sec.next = sec.rules.next(s.Now())
	}
	return v, nil
}

var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]{1,512}$`)

func (s *Server) create(name, region string) (*secret, error) {
	if !secretName.MatchString(name) {
		return nil, refuse("ValidationException", msgName)
	}
	if sec := s.lookup(name); sec != nil {
		if !sec.deletion.IsZero() {
			return nil, refuse("InvalidRequestException", msgNameDeleted)
		}
		return nil, refuse("ResourceExistsException", msgExists, name)
	}
	sec := &secret{
		name:    name,
		arn:     newARN(region, name),
		created: s.Now(),
		changed: s.Now(),
		fresh:   true,
	}
	s.secrets[name] = sec
	return sec, nil
}

func newARN(region, name string) string {
	return fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-%s", region, account, name, rand.Text()[:6])
}

var (
	anyARN = regexp.MustCompile(`^arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:(.+)$`)
	suffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`) // the random one, with which an ARN is whole
)

// lookup finds a secret by name, ARN, or ARN without the random suffix. An id that looks
// like a full ARN is taken for one. It looks at no other secret, so a call costs the same
// however many there are.
func (s *Server) lookup(id string) *secret {
	name := id
	if arn := anyARN.FindStringSubmatch(id); arn != nil {
		name = suffix.ReplaceAllString(arn[1], "")
	}
	sec := s.secrets[name]
	switch {
	case sec == nil:
		return nil
	case !sec.deletion.IsZero() && !s.Now().Before(sec.deletion):
		delete(s.secrets, name)
		return nil
	case id != name && id != sec.arn && id != suffix.ReplaceAllString(sec.arn, ""):
		return nil
	}
	return sec
}

// find is lookup for an action: it refuses a secret that does not exist or is scheduled for
// deletion.
func (s *Server) find(id *string) (*secret, error) {
	sec, err := s.findAny(id)
	if err == nil && !sec.deletion.IsZero() {
		return nil, refuse("InvalidRequestException", msgDeleted)
	}
	return sec, err
}

func (s *Server) findAny(id *string) (*secret, error) {
	if err := required("secretId", id); err != nil {
		return nil, err
	}
	if err := length("secretId", id, 1, 2048); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(*id, "arn:") && !secretName.MatchString(*id) {
		return nil, refuse("ValidationException", msgName)
	}
	sec := s.lookup(*id)
	if sec == nil {
		return nil, refuse("ResourceNotFoundException", msgNoSecret)
	}
	return sec, nil
}

// read is findAny for an action that changes nothing: it returns the secret as it is, and
// as the call sees it, which may be a former state.
func (c *call) read(id *string) (sec, seen *secret, err error) {
	if sec, err = c.findAny(id); err != nil {
		return nil, nil, err
	}
	seen = sec
	if was, behind := c.pastOf(sec.name).Seen(c.Now(), c.lag); behind {
		seen = was
	}
	if seen == nil {
		return nil, nil, refuse("ResourceNotFoundException", msgNoSecret)
	}
	return sec, seen, nil
}

// readLive is read for an action that refuses a secret scheduled for deletion.
func (c *call) readLive(id *string) (sec, seen *secret, err error) {
	sec, seen, err = c.read(id)
	if err == nil && !seen.deletion.IsZero() {
		return nil, nil, refuse("InvalidRequestException", msgDeleted)
	}
	return sec, seen, err
}

// newID returns a random UUID, the form of the service's version ids.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func digest(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:4])
}
