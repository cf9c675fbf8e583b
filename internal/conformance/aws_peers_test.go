package conformance_test

import (
	"cmp"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/conformance"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// peersSay is what comes of asking other implementations about beliefs that they do not
// share, by the variable with the URL of one that runs. Where they depart from what
// DynamoDB's pages or records say, internal/registertest/testdata/peers.txt has the
// replies and the reasons.
var peersSay = map[string]map[string]conformance.Verdict{
	"MOTO_URL": {
		"D5": conformance.Differs, "D11": conformance.Differs, "D13": conformance.Differs, "D17": conformance.Differs,
		"D10": conformance.Undecided, // it answers 500
	},
	"DYNALITE_URL": {
		"D3":  conformance.Differs,                             // it is older than the parameter
		"D16": conformance.Differs, "D17": conformance.Differs, // it has no transactions
	},
}

// TestPeersOfTheTableDifferWhereTheyAreKnownTo asks moto and dynalite. See
// .ci/register-peers.
func TestPeersOfTheTableDifferWhereTheyAreKnownTo(t *testing.T) {
	for variable, known := range peersSay {
		t.Run(variable, func(t *testing.T) {
			address := os.Getenv(variable)
			if address == "" {
				t.Skipf("%s is not set; see make register-peers", variable)
			}
			suite := &conformance.AWS{
				Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "made-up", ""),
				Run: "peer", DynamoDB: address,
			}
			// They do not lag: to wait for them is to wait in vain.
			var waited time.Duration
			suite.Clock = conformance.Clock{
				Now:  func() time.Time { return time.Now().Add(waited) },
				Wait: func(ctx context.Context, d time.Duration) error { waited += d; return context.Cause(ctx) },
			}
			var only []string
			for _, b := range suite.Beliefs() {
				if strings.HasPrefix(b.ID, "D") {
					only = append(only, b.ID)
				}
			}
			record, err := conformance.Run(t.Context(), suite, conformance.Options{Of: "aws", Run: "peer", Only: only, Clock: suite.Clock})
			if err != nil {
				t.Errorf("run: %v", err)
			}
			for _, r := range record.Results {
				want := cmp.Or(known[r.Belief], conformance.Holds)
				if suite.Reasons()[r.Belief] != "" {
					want = conformance.Skipped
				}
				t.Logf("%s: %s: %s%s", r.Belief, r.Verdict, r.Seen, r.Why)
				if r.Verdict != want {
					t.Errorf("%s: %s: %s%s, want: %s", r.Belief, r.Verdict, r.Seen, r.Why, want)
				}
			}
		})
	}
}
