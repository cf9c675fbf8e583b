package remedy_test

import (
	"errors"
	"fmt"
	"testing"

	"pingrotate/internal/remedy"
)

func TestRemedyComesLastHoweverTheErrorIsWrapped(t *testing.T) {
	cause := errors.New("no such file")
	err := fmt.Errorf("find the function: %w", remedy.With(fmt.Errorf("open it: %w", cause), "build it"))
	if got, want := remedy.Text(err), "find the function: open it: no such file; build it"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	outer := remedy.With(err, "name it")
	if got, want := remedy.Text(outer), "find the function: open it: no such file; name it"; got != want {
		t.Errorf("with a second remedy: got %q, want the outermost, %q", got, want)
	}
	if got, want := remedy.Text(remedy.With(errors.New("no file; build it"), "build it")), "no file; build it"; got != want {
		t.Errorf("with the remedy in its text: got %q, want %q", got, want)
	}
	if got := remedy.Text(cause); got != "no such file" {
		t.Errorf("without a remedy: got %q", got)
	}
}
