package conformance_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pingrotate/internal/conformance"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// motoDiffers are the beliefs that do not hold for moto. Where it departs from records of
// AWS, rotation/secretsmanagertest/testdata/moto.txt says how.
var motoDiffers = []string{
	"S6", "S7", "S8", "S9", "S10", "S25", "S26", "S27", "S28", "S31", "S32", "S34", "S38", "S40",
}

// TestMotoDiffersWhereItIsKnownTo asks moto, another stand-in of Secrets Manager, at
// MOTO_URL: see .ci/moto.
func TestMotoDiffersWhereItIsKnownTo(t *testing.T) {
	address := os.Getenv("MOTO_URL")
	if address == "" {
		t.Skip("MOTO_URL is not set; see make moto")
	}
	record := askPeer(t, &conformance.AWS{Region: "us-east-1", Run: "moto", SecretsManager: address}, "S")
	for _, r := range record.Results {
		if r.Verdict != conformance.Holds {
			t.Logf("%s: %s: %s%s", r.Belief, r.Verdict, r.Seen, r.Why)
		}
	}
	differ := record.Differences()
	slices.Sort(differ)
	if want := slices.Sorted(slices.Values(motoDiffers)); !slices.Equal(differ, want) {
		t.Errorf("moto differs about %q, want %q", differ, want)
	}
}

// askPeer asks another stand-in about the beliefs whose names begin with the letter.
func askPeer(t *testing.T, suite *conformance.AWS, letter string) conformance.Record {
	t.Helper()
	suite.Credentials = credentials.NewStaticCredentialsProvider("test", "made-up", "")
	// It does not lag, so waiting for it brings nothing.
	var waited time.Duration
	suite.Clock = conformance.Clock{
		Now:  func() time.Time { return time.Now().Add(waited) },
		Wait: func(ctx context.Context, d time.Duration) error { waited += d; return context.Cause(ctx) },
	}
	var only []string
	for _, b := range suite.Beliefs() {
		if strings.HasPrefix(b.ID, letter) {
			only = append(only, b.ID)
		}
	}
	record, err := conformance.Run(t.Context(), suite, conformance.Options{Of: "aws", Run: suite.Run, Only: only, Clock: suite.Clock})
	if err != nil {
		t.Errorf("run: %v", err)
	}
	return record
}
