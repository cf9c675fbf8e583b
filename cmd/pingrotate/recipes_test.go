package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pingrotate/internal/document"

	"go.yaml.in/yaml/v3"
)

// TestRecipesParseAndNameMembersOfTheDocument reads each block of docs/recipes.md as what
// would read it reads it.
func TestRecipesParseAndNameMembersOfTheDocument(t *testing.T) {
	members := map[string]bool{"clientId": true, "clientSecret": true, "tokenEndpoint": true}
	page := pages(t)["../../docs/recipes.md"]
	seen := map[string]int{}
	for _, m := range regexp.MustCompile("(?s)```(json|yaml)\n(.*?)```").FindAllStringSubmatch(page, -1) {
		seen[m[1]]++
		var v map[string]any
		var err error
		if m[1] == "json" {
			err = json.Unmarshal([]byte(m[2]), &v)
		} else {
			err = yaml.Unmarshal([]byte(m[2]), &v)
		}
		if err != nil {
			t.Errorf("a %s block does not parse: %v\n%s", m[1], err, m[2])
			continue
		}
		if v["rotation"] != nil {
			if _, err := document.Parse(m[2]); err != nil {
				t.Errorf("the document does not parse: %v\n%s", err, m[2])
			}
			if names, err := document.GuessNames(m[2]); err != nil || len(names) != 2 {
				t.Errorf("adopt --in-place finds %v, %v, and the page says that it finds the names", names, err)
			}
		}
		if spec, _ := v["spec"].(map[string]any); v["kind"] == "SecretProviderClass" {
			parameters, _ := spec["parameters"].(map[string]any)
			text, _ := parameters["objects"].(string)
			var objects []map[string]any
			if err := yaml.Unmarshal([]byte(text), &objects); err != nil || len(objects) != 1 || objects[0]["objectName"] != "pingone/orders-api" {
				t.Errorf("the objects do not parse: %v, %v", objects, err)
			}
		}
	}
	named := regexp.MustCompile(`(?:property: |path: |\$\{|-a1B2c3:)(\w+)`).FindAllStringSubmatch(page, -1)
	for _, m := range named {
		if !members[m[1]] {
			t.Errorf("%q names no member that the function writes", strings.TrimSpace(m[0]))
		}
	}
	if seen["json"] < 3 || seen["yaml"] < 3 || len(named) < 9 {
		t.Errorf("found %v blocks and %d names, want more: does this test still see them?", seen, len(named))
	}
}
