package rotation

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// urgent reports whether an audit should start with the secret.
func (d description) urgent() bool {
	pending := d.holder(labelPending)
	return d.holder(labelCompromised) != "" || pending != "" && pending != d.holder(labelCurrent)
}

// auditOrder returns the secrets in the order in which to examine them: first the urgent
// ones, then the others by name. Each hour it starts the others at a different one, so that
// every secret gets its turn even if no audit reaches them all. A cursor has the name of the
// last secret examined, and the name with which the round of the others started.
func auditOrder(all []description, cursor string, now time.Time) (order []description, first string) {
	var others []description
	for _, v := range all {
		if v.urgent() {
			order = append(order, v)
		} else {
			others = append(others, v)
		}
	}
	last, first, resumed := strings.Cut(cursor, " ")
	start := 0
	switch {
	case len(others) == 0:
	case resumed:
		start = max(0, slices.IndexFunc(others, func(d description) bool { return d.name >= first }))
	default:
		start = startIndex(now, len(others))
		first = others[start].name
	}
	order = slices.Concat(order, others[start:], others[:start])
	// If the last one no longer exists, the round starts again. Examining a secret twice does
	// no harm.
	at := slices.IndexFunc(order, func(d description) bool { return d.name == last })
	return order[at+1:], first
}

// startIndex returns with which of n secrets this hour's audit starts. It is as good as
// random: if the start moved by a fixed step each hour, audits that come in another rhythm or
// reach fewer secrets could leave some out for ever.
func startIndex(now time.Time, n int) int {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/3600)))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(n))
}
