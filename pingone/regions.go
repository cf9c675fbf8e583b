package pingone

import (
	"errors"
	"fmt"
	"strings"

	"pingrotate/internal/lazyregexp"
)

// Regions are regions that PingOne has opened since this release, with the domain of their
// hosts. They come from a setting of a program, never from a document: anyone who may write a
// document must not choose where a credential goes.
type Regions map[Region]string

var (
	regionCode   = lazyregexp.New(`^[A-Z]{2}$`)
	regionDomain = lazyregexp.New(`^pingone\.[a-z]{2,6}(\.[a-z]{2})?$`)
)

// ParseRegions reads regions in the form of a setting, such as "IN=pingone.in,JP=pingone.jp".
// A domain must have the form of PingOne's domains, and this release must know neither the
// domain nor the code: a setting adds regions, and cannot move one.
func ParseRegions(list string) (Regions, error) {
	all := Regions{}
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		code, domain, _ := strings.Cut(item, "=")
		switch region := Region(code); {
		case !regionCode.MatchString(code) || !regionDomain.MatchString(domain):
			return nil, errors.New("must be codes of two capital letters with their domains, separated by commas, such as IN=pingone.in")
		case region.Known():
			return nil, fmt.Errorf("must not name %s, which this release knows", code)
		case all[region] != "":
			return nil, fmt.Errorf("names %s twice", code)
		}
		for _, known := range domains {
			if domain == known {
				return nil, fmt.Errorf("gives %s the domain of another region", code)
			}
		}
		all[Region(code)] = domain
	}
	return all, nil
}

// Environment returns the addresses of the environment with the id given, in a region that
// this release or the setting knows.
func (all Regions) Environment(r Region, id string) (Environment, error) {
	domain, ok := domains[r]
	if !ok {
		domain, ok = all[r]
	}
	if !ok {
		return Environment{}, errors.New("must be one of NA, CA, EU, AU, SG, AP; a region that is newer than this release is added by a setting")
	}
	return environment(domain, id), nil
}

// IsAuthHost reports whether the host is PingOne's auth server of one of these regions, or
// of one that this release knows.
func (all Regions) IsAuthHost(host string) bool {
	if IsAuthHost(host) {
		return true
	}
	for _, domain := range all {
		if host == "auth."+domain {
			return true
		}
	}
	return false
}

// Known reports whether this release knows the region.
func (r Region) Known() bool { return domains[r] != "" }

// ParseRegionCode returns the region with the code given, which need not be one that this
// release knows: a setting may add it. See [Regions].
func ParseRegionCode(code string) (Region, error) {
	if !regionCode.MatchString(code) {
		return ParseRegion(code)
	}
	return Region(code), nil
}
