package document

import (
	"errors"
	"strings"
)

// A pattern stands for names of secrets, and for ARNs: * for any characters of one
// segment, which / and : bound, and ** for any characters at all.
type pattern string

// longest is how long a pattern may be, in bytes. With it, matching takes time in
// proportion to the name's length, whatever the pattern.
const longest = 1024

func parsePattern(s string) (pattern, error) {
	if s == "" || len(s) > longest {
		return "", errors.New("must have 1 to 1024 characters")
	}
	return pattern(s), nil
}

// positions is a set of places in a pattern, one bit each.
type positions [longest/64 + 1]uint64

func (p *positions) add(i int) { p[i/64] |= 1 << (i % 64) }

// matches reports whether the pattern stands for the name. It follows all the ways in
// which the name can be read at once, as a nondeterministic automaton whose states are
// the bits of a set, so that it never has to go back.
func (p pattern) matches(name string) bool {
	literal, wild, found := strings.Cut(string(p), "*")
	if !strings.HasPrefix(name, literal) || !found && name != literal {
		return false // the usual case, at no cost
	}
	if !found {
		return true
	}
	name = name[len(literal):]
	var within, across positions // where there is a * or a **
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

// skip adds the places behind wildcards that stand for nothing. No two wildcards are
// beside each other, so once is enough.
func (p *positions) skip(within, across *positions, words int) {
	carry := uint64(0)
	for w := range words {
		wild := p[w] & (within[w] | across[w])
		p[w] |= wild<<1 | carry
		carry = wild >> 63
	}
}
