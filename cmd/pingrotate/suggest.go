package main

import (
	"context"
	"slices"
	"strings"
)

const (
	// suggestMost bounds the names that a mistyped one is compared with, and longestTyped its
	// length: the comparison takes time by the product of both lengths.
	suggestMost  = 20_000
	longestTyped = 128
)

// suggest says which of the function's secrets may have been meant, where Secrets Manager
// knows none of the given name. It knows names alone, and is silent where they cannot be
// listed.
func (p *program) suggest(ctx context.Context, given, why string) {
	if !strings.Contains(why, "ResourceNotFoundException") || ctx.Err() != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, namesLimit)
	defer cancel()
	if meant := nearest(given, p.names(limited)); meant != "" {
		p.warn("%s%s", given, meant)
	}
}

// nearest returns words that name the secret whose name is nearest to the given one; "" if
// none is near, or if one has that very name.
func nearest(given string, names []string) string {
	if given == "" || len(given) > longestTyped || strings.HasPrefix(given, "arn:") || slices.Contains(names, given) {
		return ""
	}
	var alike []string
	for _, name := range names[:min(len(names), suggestMost)] {
		if d := len(name) - len(given); d > -3 && d < 3 || len(name) <= 2*longestTyped && strings.HasPrefix(name, given) {
			alike = append(alike, name)
		}
	}
	return didYouMean(given, alike)
}
