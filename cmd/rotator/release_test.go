package main_test

import (
	"os"
	"regexp"
	"testing"
)

func TestRepositoryMetadataNameTheVersionOfTheChangelog(t *testing.T) {
	changelog, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`(?m)^## v(\d+\.\d+\.\d+)(?:, \d{4}-\d\d-\d\d)?$`).FindSubmatch(changelog)
	if newest == nil {
		t.Fatal("CHANGELOG.md has no heading with a version")
	}
	published := template(t).at("Metadata", "AWS::ServerlessRepo::Application")
	if got := published.at("SemanticVersion").Value; got != string(newest[1]) {
		t.Errorf("template.yaml would be published as %s, and CHANGELOG.md begins with %s", got, newest[1])
	}
	// The forms that the repository accepts: see CreateApplication in its API reference.
	for name, form := range map[string]string{
		"Name": `^[A-Za-z0-9-]{1,140}$`, "Description": `^.{1,256}$`, "Author": `^[a-z0-9](([a-z0-9]|-)*[a-z0-9])?$`, "SpdxLicenseId": `^Apache-2\.0$`,
	} {
		if got := published.at(name).Value; !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("%s is %q, want %s", name, got, form)
		}
	}
	labels := published.at("Labels").items()
	for _, label := range labels {
		if !regexp.MustCompile(`^[a-zA-Z0-9+_:/@-]{1,127}$`).MatchString(label.Value) {
			t.Errorf("label %q", label.Value)
		}
	}
	if len(labels) == 0 || len(labels) > 10 {
		t.Errorf("%d labels, want 1 to 10", len(labels))
	}
	for _, name := range []string{"LicenseUrl", "ReadmeUrl"} {
		if _, err := os.Stat("../../" + published.at(name).Value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
