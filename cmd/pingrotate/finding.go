package main

import (
	"strings"
	"unicode/utf8"

	"pingrotate/rotation"
)

// moods are the colours of how something is.
var moods = map[rotation.State]style{rotation.OK: green, rotation.Warning: yellow, rotation.Failure: red}

// tellFindings writes findings below the line that says what they are about.
func tellFindings(p *page, findings []rotation.Finding) {
	width := 0
	for _, f := range findings {
		width = max(width, utf8.RuneCountInString(f.Point))
	}
	for _, f := range findings {
		labels := []cell{{string(f.State), moods[f.State]}, {text: f.Point}}
		p.folded(labels, []int{7, width}, told(f), p.width)
	}
}

// told returns what was found and what to do about it.
func told(f rotation.Finding) string {
	if strings.Contains(f.Detail, f.Remedy) { // some errors say both
		return f.Detail
	}
	return f.Detail + "; " + f.Remedy
}

// grouped puts together what has the same text, in the order of the first of each.
func grouped[T any](all []T, text func(T) string) [][]T {
	at := map[string]int{}
	var groups [][]T
	for _, one := range all {
		key := text(one)
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], one)
	}
	return groups
}

// enumerated names a few of many things.
func enumerated(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", and " + counted(len(names)-most, "other")
	}
	return strings.Join(names, ", ")
}
