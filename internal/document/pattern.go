package document

import (
	"errors"
	"strings"
)

// A pattern matches names of secrets, or ARNs: * matches any characters within a segment,
// whose ends are / and :, and ** matches any characters.
type pattern string

// longest is the most bytes of a pattern. It bounds the time to match a name by the name's
// length, whatever the pattern.
const longest = 1024

func parsePattern(s string) (pattern, error) {
	if s == "" || len(s) > longest {
		return "", errors.New("must have 1 to 1024 characters")
	}
	return pattern(s), nil
}

// positions is a set of positions in a pattern, one bit each.
type positions [longest/64 + 1]uint64

func (p *positions) add(i int) { p[i/64] |= 1 << (i % 64) }

// matches reports whether the pattern matches the name. It follows all possible readings of
// the name at once, as a nondeterministic automaton whose states are the bits of a set, so
// it never backtracks.
func (p pattern) matches(name string) bool {
	literal, wild, found := strings.Cut(string(p), "*")
	if !strings.HasPrefix(name, literal) || !found && name != literal {
		return false // the usual case is cheap
	}
	if !found {
		return true
	}
	name = name[len(literal):]
	var within, across positions // positions of * and of **
	takes := map[byte]*positions{}
	n := 0
	for i := -1; i < len(wild); i++ {
		switch {
		case i >= 0 && wild[i] != '*':
			if takes[wild[i]] == nil {
				takes[wild[i]] = &positions{}
			}
			takes[wild[i]].add(n)
		default:
			stars := i
			for i+1 < len(wild) && wild[i+1] == '*' {
				i++
			}
			if i > stars {
				across.add(n)
			} else {
				within.add(n)
			}
		}
		n++
	}
	words := n/64 + 1
	var at positions
	at.add(0)
	at.skip(&within, &across, words)
	for i := range len(name) {
		var next positions
		segment := name[i] != '/' && name[i] != ':'
		literal := takes[name[i]]
		carry := uint64(0)
		for w := range words {
			stay := at[w] & across[w]
			if segment {
				stay |= at[w] & within[w]
			}
			var step uint64
			if literal != nil {
				step = at[w] & literal[w]
			}
			next[w] = stay | step<<1 | carry
			carry = step >> 63
		}
		next.skip(&within, &across, words)
		at = next
	}
	return at[n/64]&(1<<(n%64)) != 0
}

// skip adds the positions after wildcards that match nothing. No two wildcards are
// adjacent, so one pass is enough.
func (p *positions) skip(within, across *positions, words int) {
	carry := uint64(0)
	for w := range words {
		wild := p[w] & (within[w] | across[w])
		p[w] |= wild<<1 | carry
		carry = wild >> 63
	}
}
