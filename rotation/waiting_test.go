package rotation_test

import (
	"strings"
	"testing"
	"time"

	"pingrotate/internal/register"
	"pingrotate/rotation"
)

func TestAFirstRotationSaysWhatItWaitedFor(t *testing.T) {
	const why = "the register knew nothing of this client yet"
	for _, how := range []string{"steps", "action"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, func(w *world) {
				told := ""
				if how == "steps" {
					w.rotate()
					told = w.log.String()
				} else {
					rep := w.do(rotation.Action{Action: "rotate", SecretID: orders}).(*rotation.Report)
					told = strings.Join(rep.Waited, "; ")
				}
				at, _, found := strings.Cut(told, ": "+why)
				waited, err := time.ParseDuration(at[strings.LastIndexByte(at, '"')+1:])
				if !found || err != nil || waited < register.ResolveTime-time.Second || waited > register.ResolveTime+5*time.Second {
					t.Errorf("got %q, want %v: %s", told[max(0, len(told)-500):], register.ResolveTime, why)
				}
			}, func(o *options) { o.fresh = true })
		})
	}
}

func TestARotationThatHadNothingToWaitForSaysNothingOfIt(t *testing.T) {
	w := newWorld(t)
	if rep := w.do(rotation.Action{Action: "rotate", SecretID: orders}).(*rotation.Report); rep.Outcome != rotation.Promoted || len(rep.Waited) > 0 {
		t.Errorf("got %s, and that it waited for %v", rep.Outcome, rep.Waited)
	}
	if strings.Contains(w.log.String(), `"waited"`) {
		t.Error("the log says what was waited for")
	}
}
