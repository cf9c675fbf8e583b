package main

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/campaign"
	"pingrotate/rotation"
)

// TestTheJSONPageHasEachMember compares the tables of docs/json.md with what is written.
func TestTheJSONPageHasEachMember(t *testing.T) {
	page := pages(t)["../../docs/json.md"]
	name := regexp.MustCompile("`(\\w+)`")
	for heading, v := range map[string]any{
		"Report": rotation.Report{}, "Summary": campaign.Summary{}, "Checkup": rotation.Checkup{}, "Health": rotation.Health{},
		"Event": evidence{}, "Attachment": attached{}, "Campaign": run{},
	} {
		_, section, found := strings.Cut(page, "\n## "+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		told := map[string]bool{}
		for row := range strings.Lines(section) {
			if cells := strings.Split(row, "|"); len(cells) > 2 {
				for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
					told[m[1]] = true
				}
			}
		}
		written := map[string]bool{}
		for f := range reflect.TypeOf(v).Fields() {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" && tag != "-" {
				written[tag] = true
			}
		}
		if !found || !maps.Equal(told, written) {
			t.Errorf("%s: the page has\n%v\nwant\n%v", heading, slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(written)))
		}
	}
}
