package provision_test

import (
	"testing"

	"pingrotate/internal/provision"
	"pingrotate/pingone"
)

func TestMarkerIsTheSecretsOwn(t *testing.T) {
	ours, theirs, none := provision.MarkerOf(arn), provision.MarkerOf(otherARN), provision.Marker{}
	original := &pingone.Application{ID: "a", Description: "for orders " + ours.String()}
	twin := &pingone.Application{ID: "b", Description: ours.TwinOf("a")}
	if !ours.Marks(original) || ours.Marks(twin) {
		t.Error("the marker marks what was created for the secret, and a twin has another one")
	}
	if !ours.Twins(original, twin) || !ours.Twins(twin, original) {
		t.Error("the two are twins, in whatever order")
	}
	if theirs.Marks(original) || theirs.Twins(original, twin) {
		t.Error("another secret's marker marks them")
	}
	if none.Marks(original) || none.Marks(&pingone.Application{}) || none.Twins(original, twin) || none.Twins(&pingone.Application{}, &pingone.Application{}) {
		t.Error("no marker marks them")
	}
}
