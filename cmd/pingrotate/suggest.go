package main

import (
	"context"
	"slices"
	"strings"

	"pingrotate/internal/remedy"
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
	if !isAbsent(why) {
		return
	}
	if meant := p.meant(ctx, given); meant != "" {
		p.warn("%s", strings.TrimPrefix(meant, "; "))
	}
}

// isAbsent reports whether a function says that there is no such secret, also one that is
// older.
func isAbsent(why string) bool {
	return strings.Contains(why, "there is no secret ") || strings.Contains(why, "describe the secret: Secrets Manager answered ResourceNotFoundException")
}

// meant returns words that name the secret which may have been meant by a name that there
// is none of.
func (p *program) meant(ctx context.Context, given string) string {
	if ctx.Err() != nil {
		return ""
	}
	limited, cancel := context.WithTimeout(ctx, namesLimit)
	defer cancel()
	return nearest(given, p.names(limited))
}

// absent is the error of a command about a secret that there is none of.
func (p *program) absent(ctx context.Context, command, secret string) error {
	return remedy.Errorf("check its name and Region"+p.meant(ctx, secret), "%s: there is no secret %s in %s", command, secret, p.cfg.Region)
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
