package main_test

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
)

// latency is what one call to any service takes in BenchmarkRotation.
const latency = 20 * time.Millisecond

// quiet is a test or benchmark whose log does not grow with each call.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// chain measures the calls that had to follow one another. A call is known by its end; it
// began at least one latency earlier. Two calls that overlap did not wait for each other,
// so the longest chain is the largest set of calls of which none overlap. Always taking the
// call that ends first finds it. No order of the same calls could take less time.
type chain struct {
	mu   sync.Mutex
	ends []time.Time
}

func (c *chain) ended(fault.Call, fault.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, time.Now())
}

// take returns the length of the chain, and starts another.
func (c *chain) take() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortFunc(c.ends, time.Time.Compare)
	var length time.Duration
	var free time.Time // the end of the last call taken
	for _, end := range c.ends {
		if !end.Add(-latency).Before(free) {
			length += latency
			free = end
		}
	}
	c.ends = nil
	return length
}

// BenchmarkRotation measures a whole rotation by a process that has just started, without a
// connection or a token, as a scheduled rotation mostly finds it. wall/chain is the ratio
// of its time to the time that its calls must take; a scheduled one may reach 1.08, with 18
// calls in a row. The first rotation of a secret also finds out how the client
// authenticates, and enters the secret in the register.
func BenchmarkRotation(b *testing.B) {
	b.Run("scheduled", func(b *testing.B) { benchmarkRotation(b, 1) })
	b.Run("first", func(b *testing.B) { benchmarkRotation(b, 0) })
}

// benchmarkRotation measures a rotation of a secret that has been rotated so often before.
func benchmarkRotation(b *testing.B, before int) {
	w := newWorld(quiet{b})
	const between = 60 * 24 * time.Hour
	var calls chain
	services := []interface {
		Latency(time.Duration)
		Count(string) int
		After(func(fault.Call, fault.Kind))
	}{w.pingone, w.secrets, w.register}
	for _, s := range services {
		s.After(calls.ended)
	}
	var made [3]int // calls, by the service
	var wall, must time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		name := fmt.Sprint("secret", n)
		n++
		w.addSecret(name)
		for range before {
			if err := w.secrets.Rotate(b.Context(), name); err != nil {
				b.Fatal(err)
			}
			w.register.Age(tableName, between)
			w.pingone.Advance(between)
			w.secrets.Advance(between)
		}
		w.Close()
		w.start(b)
		calls.take()
		for i, s := range services {
			made[i] -= s.Count("")
			s.Latency(latency)
		}
		b.StartTimer()
		begun := time.Now()
		if err := w.secrets.Rotate(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		wall += time.Since(begun)
		must += calls.take()
		for i, s := range services {
			made[i] += s.Count("")
			s.Latency(0)
		}
	}
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(n) }
	for i, name := range []string{"pingone", "secretsmanager", "dynamodb"} {
		b.ReportMetric(float64(made[i])/float64(n), name+"-calls/op")
	}
	b.ReportMetric(must.Seconds()/latency.Seconds()/float64(n), "calls-in-a-row/op")
	b.ReportMetric(each(wall), "wall-ms/op")
	b.ReportMetric(each(must), "chain-ms/op")
	b.ReportMetric(wall.Seconds()/must.Seconds(), "wall/chain")
	b.ReportMetric(0, "ns/op") // says wall-ms again
}

// BenchmarkColdStart measures the time from the start of the process to its first poll for
// an event, relative to that of a function that does nothing, and the size of the deployed
// archive. The limits are 2 for rotator/nothing and 3.8 for zip-MB.
func BenchmarkColdStart(b *testing.B) {
	nothing, err := build(b.TempDir(), "./testdata/nothing")
	if err != nil {
		b.Fatal(err)
	}
	initOf := func(path string) time.Duration {
		f, err := runtimetest.Start(b.Context(), runtimetest.Config{Program: path})
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		return f.Init()
	}
	var rotator, least time.Duration
	n := 0
	for b.Loop() {
		rotator += initOf(program)
		least += initOf(nothing)
		n++
	}
	b.ReportMetric(rotator.Seconds()*1000/float64(n), "rotator-ms")
	b.ReportMetric(least.Seconds()*1000/float64(n), "nothing-ms")
	b.ReportMetric(rotator.Seconds()/least.Seconds(), "rotator/nothing")
	size, err := zipped(program)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(size)/1e6, "zip-MB")
	b.ReportMetric(0, "ns/op") // of both programs together says nothing
}

// zipped returns the size of the program in a ZIP archive, in bytes.
func zipped(path string) (int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	var size counter
	archive := zip.NewWriter(&size)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	out, err := archive.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(out, in); err != nil {
		return 0, err
	}
	err = archive.Close()
	return int64(size), err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// BenchmarkMemory measures the most memory that one process has resident in consecutive
// rotations. It should be less than 20 MB.
func BenchmarkMemory(b *testing.B) {
	w := newWorld(quiet{b})
	n := 0
	for b.Loop() {
		name := fmt.Sprint("secret", n)
		n++
		w.addSecret(name)
		if err := w.secrets.Rotate(b.Context(), name); err != nil {
			b.Fatal(err)
		}
	}
	if n := w.Starts(); n != 1 {
		b.Fatalf("got %d processes, want 1", n)
	}
	b.ReportMetric(float64(w.MaxRSS())/1e6, "peak-MB")
	b.ReportMetric(0, "ns/op") // BenchmarkRotation tells
}
