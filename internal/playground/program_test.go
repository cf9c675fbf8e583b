package playground

import (
	"os"
	"strings"
	"testing"
)

func TestTheFunctionIsBuiltAsMakeBuildsIt(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\nSMALL = " + strings.Join(small, " ") + "\n"; !strings.Contains(string(makefile), want) {
		t.Errorf("the Makefile does not have %q", want)
	}
}
