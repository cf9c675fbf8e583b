package playground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/internal/remedy"
	"pingrotate/internal/runtimetest"
)

// A demonstration is one run of the demo.
type demonstration struct {
	*World
	report    Report
	watch     *watch
	function  *function
	consumers []*consumer
	asking    sync.RWMutex // held for reading by a consumer's request
	story     story
}

// Play runs the demo with the function's program, and tells the story on paper as it
// happens. Now is the clock, as in [Start]. The report says which promises were kept and
// which were broken.
func Play(ctx context.Context, now func() time.Time, program string, paper io.Writer) (*Report, error) {
	d, err := newDemonstration(ctx, now, program, paper)
	if err != nil {
		return nil, err
	}
	err = d.play(ctx)
	d.close()
	if err != nil {
		return nil, err
	}
	d.conclude()
	return &d.report, d.story.err
}

// callTime is the least time that a call takes. Without it, the rotation would be over
// before the consumers had asked a second time.
const callTime = 5 * time.Millisecond

func newDemonstration(ctx context.Context, now func() time.Time, program string, paper io.Writer) (*demonstration, error) {
	w, err := Start(Free(), now)
	if err != nil {
		return nil, err
	}
	f, err := startFunction(ctx, program, w, nil)
	if err != nil {
		w.Close()
		return nil, err
	}
	d := &demonstration{
		World:    w,
		report:   Report{Secret: OrdersSecret, Failures: []string{}, Broken: []string{}},
		watch:    newWatch(w),
		function: f,
		story:    story{w: paper},
		consumers: []*consumer{
			newConsumer("reads before each request", 0, w),
			newConsumer("keeps what it read for an hour", time.Hour, w),
		},
	}
	w.Secrets.Latency(callTime)
	w.PingOne.Latency(callTime)
	w.Register.Latency(callTime)
	w.Secrets.AddFunction(runtimetest.FunctionARN, d.invoke)
	w.Secrets.EnableRotation(OrdersSecret, runtimetest.FunctionARN)
	return d, nil
}

// close ends the process before the services that it calls.
func (d *demonstration) close() {
	d.function.Close()
	d.World.Close()
}

// play plays both days, with the consumers at work throughout.
func (d *demonstration) play(ctx context.Context) error {
	d.story.say("Two applications ask PingOne for tokens with the secret %s, all the time.", OrdersSecret)
	d.story.say("One reads it before each request, the other keeps it for an hour as AWS's caching clients do.")
	d.story.say("The function is the program that Lambda runs; PingOne and AWS are played here, at %d ms a call.", callTime.Milliseconds())

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
	if err := d.Secrets.Rotate(ctx, OrdersSecret); err != nil {
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
	err := d.Secrets.Rotate(ctx, OrdersSecret)
	if _, died := errors.AsType[*runtimetest.ExitError](err); !died {
		return remedy.Errorf("this is a bug, please report it", "demo: the function was to be killed between mint and store, but: %v", err)
	}
	d.story.say("  Secrets Manager tries again a minute later, with the same token and a new process.")
	// The process has this machine's clock, which cannot be moved. Instead, what the dead
	// process left in the register becomes a minute older: its lease has run out.
	d.Secrets.Advance(time.Minute)
	d.PingOne.Advance(time.Minute)
	d.Register.Advance(time.Minute)
	d.Register.Age(RegisterTable, time.Minute)
	if err := d.Secrets.Attempt(ctx, OrdersSecret); err != nil {
		return d.unfinished(ctx, err)
	}
	return nil
}

func (d *demonstration) chapter(day int, title string) {
	d.watch.enter(day, "")
	d.report.Chapters = append(d.report.Chapters, &Chapter{Day: day, Title: title})
	d.story.say("\nDay %d. %s", day, title)
}

// night moves the services' clocks by more than the grace of a replaced secret. Each hour
// passes while no consumer is between reading and asking, as no application takes an hour
// for that.
func (d *demonstration) night(ctx context.Context) error {
	d.watch.enter(1, "")
	for range 25 {
		d.asking.Lock()
		d.Secrets.Advance(time.Hour)
		d.PingOne.Advance(time.Hour)
		d.Register.Advance(time.Hour)
		d.asking.Unlock()
		d.watch.look(fault.Call{})
		if err := wait(ctx, pace); err != nil {
			return err
		}
	}
	return nil
}

// unfinished adds a failed rotation to the report.
func (d *demonstration) unfinished(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	d.report.Broken = append(d.report.Broken, fmt.Sprintf("%s: the rotation failed: %v", d.watch.where(), err))
	return nil
}

// invoke is Secrets Manager's call of the function.
func (d *demonstration) invoke(ctx context.Context, event []byte) error {
	chapter := d.report.Chapters[len(d.report.Chapters)-1]
	d.watch.enter(chapter.Day, stepOf(event))
	told, err := d.function.invoke(ctx, event)
	chapter.Steps = append(chapter.Steps, told)
	if samples := d.watch.seen(); len(samples) > 0 {
		d.story.step(told, samples[len(samples)-1], d.PingOne.Now())
	}
	return errors.Join(err, breathe(ctx))
}

// breathe gives the consumers time for some requests in the present state.
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
