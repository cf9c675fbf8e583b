package campaign

import (
	"context"
	"flag"
	"net/http"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/memory"
	"pingrotate/pingone/pingonetest"
)

var fleetSize = flag.Int("fleet", 150, "how many secrets the fleet's tests have")

// TestFleetReachesTheLimit rotates the whole fleet as fast as PingOne allows.
func TestFleetReachesTheLimit(t *testing.T) {
	inFleet(t, *fleetSize, func(f *fleet) {
		f.ping.RateLimit(LicenceLimit)
		sum, err := Run(f.t.Context(), f.process().call, f.names, options())
		if err != nil {
			t.Error(err)
		}
		if sum.Promoted != *fleetSize || f.limited.Load() > 0 {
			t.Errorf("got %+v and %d calls beyond the limit, want all promoted and none", sum, f.limited.Load())
		}
		if sum.ShareOfLimit < 0.9 {
			t.Errorf("got %.3f of the limit, want at least 0.9", sum.ShareOfLimit)
		}
		f.mints(1, 1)
		seen := int64(f.ping.Count("") - f.ping.Count(pingonetest.OpToken))
		if sum.Calls.PingOneAPI != seen {
			t.Errorf("got %d configuration calls in the reports, PingOne has seen %d", sum.Calls.PingOneAPI, seen)
		}
		t.Logf("%d secrets in %s: %.2f configuration calls a rotation, %.0f secrets an hour, %.3f of the limit",
			sum.Secrets, (time.Duration(sum.Seconds) * time.Second), sum.CallsPerRotation, sum.SecretsPerHour, sum.ShareOfLimit)
	})
}

// TestCampaignSharesTheLicence runs while someone else uses half of the limit, which the
// campaign is not told.
func TestCampaignSharesTheLicence(t *testing.T) {
	const size = 300
	inFleet(t, size, func(f *fleet) {
		f.ping.RateLimit(LicenceLimit)
		ctx, leave := context.WithCancel(f.t.Context())
		var other sync.WaitGroup
		refused := 0
		other.Go(func() {
			to := &memory.Transport{Handler: f.ping}
			every := time.NewTicker(2 * time.Minute / LicenceLimit)
			defer every.Stop()
			for ctx.Err() == nil {
				<-every.C
				// Calls count against the limit before anyone asks who makes them.
				req, _ := http.NewRequest("GET", f.ping.URL()+"/v1/environments/"+f.apps[0].Environment+"/applications", nil)
				if resp, err := to.RoundTrip(req); err == nil && resp.StatusCode == http.StatusTooManyRequests {
					refused++
				}
			}
		})
		sum, err := Run(f.t.Context(), f.process().call, f.names, options())
		leave()
		other.Wait()
		if err != nil || sum.Promoted != size {
			t.Errorf("got %v and %+v, want all promoted", err, sum)
		}
		// Refused calls count against the limit, but are of no use.
		used := sum.ShareOfLimit * float64(sum.Calls.PingOneAPI-f.limited.Load()) / float64(sum.Calls.PingOneAPI)
		if used < 0.35 {
			t.Errorf("got %.3f of the limit, want most of the half that is left", used)
		}
		f.mints(1, 1)
		t.Logf("%.3f of the limit beside another that takes half; 429: %d here, %d there", used, f.limited.Load(), refused)
	})
}
