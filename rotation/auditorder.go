package rotation

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// urgent reports whether an audit should begin with the secret.
func (d description) urgent() bool {
	pending := d.holder(labelPending)
	return d.holder(labelCompromised) != "" || pending != "" && pending != d.holder(labelCurrent)
}

// auditOrder says in which order to look at the secrets: the urgent ones first, and
// then by name, each hour from another one on, so that an hourly audit comes round
// even where one does not reach them all. A cursor names the secret after which to go
// on, and the one with which the round began among those that are not urgent.
func auditOrder(all []description, cursor string, now time.Time) (order []description, first string) {
	var calm []description
	for _, v := range all {
		if v.urgent() {
			order = append(order, v)
		} else {
			calm = append(calm, v)
		}
	}
	last, first, resumed := strings.Cut(cursor, " ")
	start := 0
	switch {
	case len(calm) == 0:
	case resumed:
		start = max(0, slices.IndexFunc(calm, func(d description) bool { return d.name >= first }))
	default:
		start = startIndex(now, len(calm))
		first = calm[start].name
	}
	order = slices.Concat(order, calm[start:], calm[:start])
	// Where the last one is gone, the round begins anew: to look twice does no harm.
	at := slices.IndexFunc(order, func(d description) bool { return d.name == last })
	return order[at+1:], first
}

// startIndex returns with which of n secrets an audit of this hour begins. It is as good as
// random: any rule that steps on by so much each hour leaves secrets out for ever where
// audits come in another rhythm, or reach less.
func startIndex(now time.Time, n int) int {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/3600)))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(n))
}
