package register_test

import (
	"testing"
	"time"

	"pingrotate/internal/register"
	"pingrotate/internal/registertest"
)

// benched is a test whose log does not grow with every call.
type benched struct{ *testing.B }

func (benched) Logf(string, ...any) {}

// full is the item of a busy client.
func full() register.Item {
	i := register.Item{}.Begin(noon).Take("1f6f7f0e-7a8c-4c8e-9a55-5d8f0b1c2d3e", "createSecret of pingone/orders", noon)
	for n := range int64(30) {
		f := "sha256:" + string(rune('a'+n%26)) + "1b2c3d4e5f60718"
		i = i.Announce(register.Intent{Act: register.Mint, Application: key.ID, Secret: orders, Rotation: leak("t1").ID, By: "createSecret", Before: f}, n, noon).
			Minted(key.ID, f+"x", noon)
		i = i.Promoted(orders, "v1", "v2", f, noon)
	}
	return i.Marked(leak("t1"), 40)
}

func BenchmarkReplace(b *testing.B) {
	s := registertest.Run(benched{b})
	s.CreateTable(tableName, "subject", "entry", "expires")
	table, item, r := open(s), full(), register.Revision{}
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if r, err = table.Replace(b.Context(), key, r, item); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFetch(b *testing.B) {
	s := registertest.Run(benched{b})
	s.CreateTable(tableName, "subject", "entry", "expires")
	table := open(s)
	if _, err := table.Replace(b.Context(), key, register.Revision{}, full()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Fetch(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	s := registertest.Run(benched{b})
	s.CreateTable(tableName, "subject", "entry", "expires")
	table := open(s)
	b.ReportAllocs()
	for b.Loop() {
		if err := table.Append(b.Context(), register.Evidence{Secret: orders, What: "createSecret", At: noon}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstFetch measures the first use in a process, which makes the client and its
// connection.
func BenchmarkFirstFetch(b *testing.B) {
	s := registertest.Run(benched{b})
	s.CreateTable(tableName, "subject", "entry", "expires")
	for b.Loop() {
		if _, err := open(s).Fetch(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTransition measures a step's work on an item, without the store.
func BenchmarkTransition(b *testing.B) {
	i := full()
	b.ReportAllocs()
	for b.Loop() {
		i.Take("holder", "a test", noon).
			Announce(register.Intent{Act: register.Mint, Application: key.ID, Before: "f0"}, 41, noon).
			Minted(key.ID, "f1", noon.Add(time.Second)).Release("holder")
	}
}
