package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/runtimetest"
)

const demoUsage = `Usage:
    pingrotate demo [--rotator PATH] [-o text|json]

Rotates a PingOne client secret twice while two applications use it all the time,
the second time with the function killed at the worst moment. After every call it
checks that the secret labelled AWSCURRENT works. It takes a few seconds.

    --rotator PATH   the built Lambda function; without it, it is built with go,
                     which works inside the module
    -o text|json     a story to read (the default), or one JSON object

Exit status 1 says that a promise was broken or an application's request failed;
standard error says which.
`

// A demonstration is one run of the demo.
type demonstration struct {
	*standIns
	report
	watch     *watch
	function  *function
	consumers []*consumer
	asking    sync.RWMutex // held for reading by a consumer's request
	story     story
}

func demoFlags(flags *flag.FlagSet) runner {
	rotator := flags.String("rotator", "", "")
	output := outputFlag(flags)
	return func(ctx context.Context, _ []string, stdout io.Writer) error {
		return demo(ctx, *rotator, output, stdout)
	}
}

func demo(ctx context.Context, rotator string, output *choice, stdout io.Writer) error {
	paper := stdout
	if output.value == "json" {
		paper = io.Discard
	}

	dir, err := os.MkdirTemp("", "pingrotate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := findRotator(ctx, rotator, dir)
	if err != nil {
		return err
	}
	d, err := newDemonstration(ctx, program, paper)
	if err != nil {
		return err
	}
	err = d.play(ctx)
	d.close()
	if err != nil {
		return err
	}
	d.conclude()
	if output.value == "json" {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		d.story.err = encoder.Encode(d.report)
	}
	if d.story.err != nil {
		return d.story.err
	}
	for _, problem := range d.Broken {
		log.Printf("promise broken: %s", problem)
	}
	for _, problem := range d.Failures {
		log.Printf("request failed: %s", problem)
	}
	if b, f := len(d.Broken), len(d.Failures); b+f > 0 {
		return fmt.Errorf("demo: %d broken promises and %d failed requests, listed above; this is a bug, please report it with that list", b, f)
	}
	return nil
}

// callTime is how long each call takes at least. Without it the rotation would be
// over before the consumers had asked a second time.
const callTime = 5 * time.Millisecond

func newDemonstration(ctx context.Context, program string, paper io.Writer) (*demonstration, error) {
	s, err := startStandIns("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f, err := startFunction(ctx, program, s, nil)
	if err != nil {
		s.close()
		return nil, err
	}
	d := &demonstration{
		standIns: s,
		report:   report{Secret: ordersSecret, Failures: []string{}, Broken: []string{}},
		watch:    newWatch(s),
		function: f,
		story:    story{w: paper},
		consumers: []*consumer{
			newConsumer("reads before each request", 0, s),
			newConsumer("keeps what it read for an hour", time.Hour, s),
		},
	}
	s.secrets.Latency(callTime)
	s.pingOne.Latency(callTime)
	s.secrets.AddFunction(runtimetest.FunctionARN, d.invoke)
	s.secrets.EnableRotation(ordersSecret, runtimetest.FunctionARN)
	return d, nil
}

// close ends the process before it ends the services that the process calls.
func (d *demonstration) close() {
	d.function.Close()
	d.standIns.close()
}

// play tells both days, with the consumers at work from the beginning to the end.
func (d *demonstration) play(ctx context.Context) error {
	d.story.say("Two applications ask PingOne for tokens with the secret %s, all the time.", ordersSecret)
	d.story.say("One reads it before each request, the other keeps it for an hour as AWS's caching clients do.")
	d.story.say("The function is the program that Lambda runs; both services are played here, in %d ms a call.", callTime.Milliseconds())

	stop := make(chan struct{})
	var work sync.WaitGroup
	defer work.Wait()
	defer close(stop)
	for _, c := range d.consumers {
		work.Go(func() { c.run(ctx, stop, &d.asking, d.watch.where) })
	}

	d.chapter(1, "Secrets Manager rotates on schedule.")
	if err := breathe(ctx); err != nil {
		return err
	}
	if err := d.secrets.Rotate(ctx, ordersSecret); err != nil {
		return d.unfinished(ctx, err)
	}

	if err := d.night(ctx); err != nil {
		return err
	}
	d.chapter(2, "The function is killed right after PingOne made the new secret.")
	if err := breathe(ctx); err != nil {
		return err
	}
	d.watch.killAfterMint(d.function.Kill)
	err := d.secrets.Rotate(ctx, ordersSecret)
	if _, died := errors.AsType[*runtimetest.ExitError](err); !died {
		return fmt.Errorf("demo: the function was to be killed between mint and store, but: %v; this is a bug, please report it", err)
	}
	d.story.say("  Secrets Manager tries again, with the same token and a new process.")
	if err := d.secrets.Attempt(ctx, ordersSecret); err != nil {
		return d.unfinished(ctx, err)
	}
	return nil
}

func (d *demonstration) chapter(day int, title string) {
	d.watch.enter(day, "")
	d.Chapters = append(d.Chapters, &chapter{Day: day, Title: title})
	d.story.say("\nDay %d. %s", day, title)
}

// night moves both clocks, by more than the grace of a replaced secret. Each hour
// passes at a moment in which no consumer is between reading and asking: no
// application takes an hour for that.
func (d *demonstration) night(ctx context.Context) error {
	d.watch.enter(1, "")
	for range 25 {
		d.asking.Lock()
		d.secrets.Advance(time.Hour)
		d.pingOne.Advance(time.Hour)
		d.asking.Unlock()
		d.watch.look(fault.Call{})
		if err := wait(ctx, pace); err != nil {
			return err
		}
	}
	return nil
}

// unfinished notes a rotation that failed, which the report explains.
func (d *demonstration) unfinished(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	d.Broken = append(d.Broken, fmt.Sprintf("%s: the rotation failed: %v", d.watch.where(), err))
	return nil
}

// invoke is the scheduler's call of the function.
func (d *demonstration) invoke(ctx context.Context, event []byte) error {
	chapter := d.Chapters[len(d.Chapters)-1]
	d.watch.enter(chapter.Day, stepOf(event))
	told, err := d.function.invoke(ctx, event)
	chapter.Steps = append(chapter.Steps, told)
	if samples := d.watch.seen(); len(samples) > 0 {
		d.story.step(told, samples[len(samples)-1], d.pingOne.Now())
	}
	return errors.Join(err, breathe(ctx))
}

// breathe gives the consumers time for some requests in the state that is reached.
func breathe(ctx context.Context) error { return wait(ctx, 12*pace) }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
