package main

import (
	"flag"
	"testing"
	"time"
)

var fleetSize = flag.Int("fleet", 300, "how many secrets a campaign's tests have")

// TestFleetReachesTheLimit rotates the whole fleet under PingOne's limit.
func TestFleetReachesTheLimit(t *testing.T) {
	inFleet(t, *fleetSize, func(f *fleet) {
		f.ping.RateLimit(licenceLimit)
		sum, err := campaign(t.Context(), f.process().call, f.names, options())
		if err != nil {
			t.Error(err)
		}
		if sum.Promoted != *fleetSize || f.limited.Load() > 0 {
			t.Errorf("got %+v and %d calls beyond the limit, want all promoted and none", sum, f.limited.Load())
		}
		if sum.ShareOfLimit < 0.9 {
			t.Errorf("got %.3f of the limit, want 0.9", sum.ShareOfLimit)
		}
		f.mints(1)
		t.Logf("%d secrets in %v: %.2f configuration calls a rotation, %.0f secrets an hour, %.3f of the limit",
			sum.Secrets, inWords(time.Duration(sum.Seconds*float64(time.Second))), sum.CallsPerRotation, sum.SecretsPerHour, sum.ShareOfLimit)
	})
}

func options() campaignOptions {
	return campaignOptions{start: time.Now().UTC().Truncate(time.Second), concurrency: 10, rate: licenceLimit}
}
