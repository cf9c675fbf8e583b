package rotation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pingrotate/internal/memory"
	"pingrotate/internal/provision"
	"pingrotate/internal/registertest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// newFleet makes a world of many applications, each with a managed secret, without sockets,
// and returns the secrets' names. Time moves only when a test says so.
func newFleet(t testing.TB, size int) (w *world, names []string) {
	t.Helper()
	ping, sm, db := pingonetest.Run(quiet{t}), secretsmanagertest.Run(quiet{t}), registertest.Within(quiet{t})
	db.Follow(ping.Now)
	w = populate(t, ping, sm, db)

	// There are too many for an entry each, so the applications are marked instead.
	admin := w.adminDocument()
	served, _ := admin["allow"].([]any)
	admin["allow"] = append(served, map[string]any{"secret": "pingone/fleet/*", "environmentId": w.app.Environment, "applications": "marked"})
	sm.Put(adminName, encode(admin))
	for i := range size {
		name := fmt.Sprintf("pingone/fleet/%05d", i)
		app := ping.AddApplication(pingonetest.Application{Name: name})
		arn := sm.Put(name, encode(document(app)))
		ping.UpdateApplication(app.Environment, app.ID, func(a *pingonetest.Application) { a.Description = provision.MarkerOf(arn).String() })
		sm.EnableRotation(name, functionARN)
		names = append(names, name)
	}
	w.connect(&memory.Transport{Handler: ping}, &memory.Transport{Handler: sm}, &memory.Transport{Handler: db})
	w.rotator.PingOne.Now = ping.Now
	w.rotator.PingOne.Wait = func(ctx context.Context, d time.Duration) error {
		w.advance(d)
		return ctx.Err()
	}
	return w, names
}

// BenchmarkFleet measures a whole rotation, all four steps against both stand-ins, in
// fleets of several sizes. The cost must not depend on the size: a campaign through the
// whole fleet would then cost its square.
func BenchmarkFleet(b *testing.B) {
	for _, size := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d secrets", size), func(b *testing.B) {
			begun := time.Now()
			w, names := newFleet(b, size)
			seeded := time.Since(begun)
			for i := 0; b.Loop(); i++ {
				if err := w.sm.Rotate(b.Context(), names[i%size]); err != nil {
					b.Fatal(err)
				}
				if i%size == size-1 {
					w.advance(25 * time.Hour) // so that each secret is due again
				}
			}
			b.ReportMetric(float64(seeded.Microseconds())/float64(size), "µs/seed")
		})
	}
}

// BenchmarkListFleet measures one page of a fleet, as ListSecrets returns it.
func BenchmarkListFleet(b *testing.B) {
	for _, size := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("%d secrets", size), func(b *testing.B) {
			w, _ := newFleet(b, size)
			client := w.rotator.Secrets.(secretsmanager.ListSecretsAPIClient)
			var next *string
			for b.Loop() {
				out, err := client.ListSecrets(b.Context(), &secretsmanager.ListSecretsInput{NextToken: next})
				if err != nil {
					b.Fatal(err)
				}
				next = out.NextToken
			}
		})
	}
}
