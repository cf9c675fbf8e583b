package rotation

import (
	"strings"
	"time"
)

// inUnits writes a duration for people, without the units that are zero at its end: 24h,
// and not 24h0m0s.
func inUnits(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
