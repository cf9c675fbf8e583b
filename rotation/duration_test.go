package rotation

import (
	"testing"
	"time"
)

func TestDurationsHaveNoUnitsThatAreZero(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 45 * time.Second: "45s", 2 * time.Minute: "2m", 10 * time.Minute: "10m", 90 * time.Minute: "1h30m",
		2 * time.Hour: "2h", 24 * time.Hour: "24h", 100 * time.Hour: "100h", time.Hour + time.Second: "1h0m1s",
	} {
		if got := inUnits(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
