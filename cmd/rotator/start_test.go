package main

import (
	"strings"
	"testing"
)

func TestMissingCredentialsFailTheStart(t *testing.T) {
	all := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
	if _, err := newRotator(func(name string) string { return all[name] }, nil); err != nil {
		t.Errorf("with all of them: %v", err)
	}
	for missing := range all {
		_, err := newRotator(func(name string) string {
			if name == missing {
				return ""
			}
			return all[name]
		}, nil)
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: got %v, want an error that names it", missing, err)
		}
	}
}
