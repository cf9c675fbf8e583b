package rotation_test

import (
	"fmt"
	"time"

	"pingrotate/internal/fault"
)

var duels = []duel{
	{
		name: "one rotation, invoked twice",
		second: func(w *world) [][]byte {
			return w.events()
		},
	},
	{
		name:   "one rotation, invoked twice, alternating",
		safe:   true,
		opts:   []option{alternate},
		second: func(w *world) [][]byte { return w.events() },
		before: func(w *world) {
			w.rotate()
			w.advance(25 * time.Hour)
			w.rotate()
			w.advance(25 * time.Hour)
		},
	},
	{
		name: "two rotations: AWSPENDING was taken away from one that still runs",
		second: func(w *world) [][]byte {
			if id := w.sm.VersionID(orders, "AWSPENDING"); id != "" && id != w.sm.VersionID(orders, "AWSCURRENT") {
				w.clear(id)
			}
			return begin(w)
		},
	},
	{
		name:   "an emergency, and a rotation that has just begun",
		second: emergencyEvent,
		leak:   true,
		safe:   true,
	},
	{
		name:   "an emergency, and a rotation that begins at any moment of it",
		first:  emergencyEvent,
		second: begin,
		leak:   true,
		large:  true,
	},
	{
		name:   "an emergency, and the retry of a rotation that was stuck",
		second: emergencyEvent,
		leak:   true,
		large:  true,
		before: func(w *world) {
			w.sm.Fail("GetSecretValue", fault.Denied)
			w.sm.Rotate(w.t.Context(), orders)
			w.sm.Before(nil)
			w.advance(time.Hour)
		},
	},
}

// begin starts a rotation, if Secrets Manager lets it, and returns its events.
func begin(w *world) [][]byte {
	if _, err := w.sm.Begin(orders); err != nil {
		return nil
	}
	return w.events()
}

func emergencyEvent(*world) [][]byte {
	return [][]byte{fmt.Appendf(nil, `{"action":"rotate","secretId":%q,"emergency":"swift","clientRequestToken":%q}`, orders, token)}
}
