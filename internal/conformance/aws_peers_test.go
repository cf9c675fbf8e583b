package conformance_test

import (
	"cmp"
	"os"
	"testing"

	"pingrotate/internal/conformance"
)

// peersSay is what other implementations answer about beliefs that do not hold for them, by
// the variable with the URL of a running one. Where they depart from DynamoDB's pages or
// records, internal/registertest/testdata/peers.txt has the replies and the reasons.
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
			suite := &conformance.AWS{Region: "us-east-1", Run: "peer", DynamoDB: address}
			record := askPeer(t, suite, "D")
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
