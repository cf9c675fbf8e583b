package secretsmanagertest

import (
	"slices"
	"strings"
)

// A filter passes what one of its values matches, unless a value that begins with "!"
// matches it.
type filter struct {
	Key    string
	Values []string
}

// words returns the texts that the filter looks at, and whether it ignores case.
func (f filter) words(sec *secret) (words []string, anyCase bool, err error) {
	var keys, values []string
	for _, t := range sec.tags {
		keys, values = append(keys, t.Key), append(values, t.Value)
	}
	var region []string
	if len(sec.replicas) > 0 {
		region = []string{sec.region()}
	}
	switch f.Key {
	case "name":
		return []string{sec.name}, false, nil
	case "description":
		return []string{sec.description}, true, nil
	case "tag-key":
		return keys, false, nil
	case "tag-value":
		return values, false, nil
	case "primary-region":
		return region, false, nil
	case "owning-service":
		return nil, false, nil // no secret here is managed by a service
	case "all":
		return slices.Concat([]string{sec.name, sec.description}, keys, values, region), true, nil
	}
	return nil, false, refuse("ValidationException", "1 validation error detected: Value '%s' at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: [all, name, tag-key, description, tag-value, primary-region, owning-service]", f.Key)
}

// matches reports whether the secret passes the filter. Values are prefixes. Those of the
// key "all" are split into words, each of which must begin a word of the secret.
func (f filter) matches(sec *secret) (bool, error) {
	words, anyCase, err := f.words(sec)
	if err != nil {
		return false, err
	}
	begins := func(prefix string) bool {
		return slices.ContainsFunc(words, func(word string) bool {
			if anyCase {
				word, prefix = strings.ToLower(word), strings.ToLower(prefix)
			}
			return strings.HasPrefix(word, prefix)
		})
	}
	if f.Key == "all" {
		var parts []string
		for _, word := range words {
			parts = append(parts, strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune(" /-_+=.@!", r) })...)
		}
		words = append(words, parts...)
		whole := begins
		begins = func(value string) bool {
			return !slices.ContainsFunc(strings.Fields(value), func(word string) bool { return !whole(word) })
		}
	}
	wanted, found := false, false
	for _, value := range f.Values {
		unwanted, not := strings.CutPrefix(value, "!")
		switch {
		case not && begins(unwanted):
			return false, nil
		case !not:
			wanted, found = true, found || begins(value)
		}
	}
	return found || !wanted, nil
}

// listed returns the secret with this name as a list shows it, which may be a former state.
func (c *call) listed(name string) *secret {
	if was, behind := c.pastOf(name).At(c.Now(), c.lag); behind {
		return was
	}
	return c.lookup(name)
}

// search returns the secrets that pass all filters, by the date of their creation.
func (c *call) search(filters []filter, deleted bool, order string) ([]*secret, error) {
	names := make([]string, 0, len(c.secrets))
	for name := range c.secrets {
		names = append(names, name)
	}
	slices.Sort(names)
	var found []*secret
next:
	for _, name := range names {
		sec := c.listed(name)
		if sec == nil || !sec.deletion.IsZero() && !deleted {
			continue
		}
		for _, f := range filters {
			if ok, err := f.matches(sec); err != nil {
				return nil, err
			} else if !ok {
				continue next
			}
		}
		found = append(found, sec)
	}
	slices.SortStableFunc(found, func(a, b *secret) int { return a.created.Compare(b.created) })
	if order == "desc" {
		slices.Reverse(found)
	}
	return found, nil
}
