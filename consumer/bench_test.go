package consumer_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"pingrotate/consumer"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// inHand returns a source that has a token, with both services behind sockets.
func inHand(tb testing.TB) *consumer.Source {
	tb.Helper()
	ping, sm := pingonetest.Run(quiet{tb}), secretsmanagertest.Run(quiet{tb})
	ping.Follow(time.Now)
	sm.Follow(time.Now)
	app := ping.AddApplication(pingonetest.Application{Roles: []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}})
	sm.Put(orders, encode(document(app)))
	s := &consumer.Source{
		Secrets: secretsmanager.New(secretsmanager.Options{
			BaseEndpoint: aws.String(sm.URL()),
			Region:       "us-east-1",
			Credentials:  credentials.NewStaticCredentialsProvider("consumer", "made-up", ""),
		}),
		SecretID: orders,
		AuthURL:  ping.URL(),
		HTTP:     &http.Client{Transport: &http.Transport{}},
		Log:      slog.New(slog.DiscardHandler),
	}
	if _, err := s.Token(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestATokenInHandCostsNoAllocation(t *testing.T) {
	s, ctx := inHand(t), t.Context()
	n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Token(ctx); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

func BenchmarkTokenInHand(b *testing.B) {
	s, ctx := inHand(b), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Token(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTokenInHandForManyCallers(b *testing.B) {
	s, ctx := inHand(b), b.Context()
	b.ReportAllocs()
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Token(ctx); err != nil {
				b.Error(err)
			}
		}
	})
}
