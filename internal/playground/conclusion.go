package playground

import "fmt"

// conclude checks what can only be checked at the end, and tells the result.
func (d *demonstration) conclude() {
	d.report.Timeline = d.watch.seen()
	d.report.Broken = append(d.report.Broken, broken(d.report.Timeline)...)
	for _, e := range d.Secrets.Events(OrdersSecret) {
		if e.Name == "RotationSucceeded" {
			d.report.Rotations++
		}
	}
	d.report.Mints = d.PingOne.Mints(d.Orders.Environment, d.Orders.ID)
	if d.report.Mints != d.report.Rotations {
		d.report.Broken = append(d.report.Broken, fmt.Sprintf("%d rotations regenerated the secret %d times", d.report.Rotations, d.report.Mints))
	}
	log := d.function.log.all()
	d.report.LogBytes = len(log)
	for _, secret := range leaks(log, append(d.PingOne.Issued(), d.Secrets.Values()...)) {
		d.report.Broken = append(d.report.Broken, fmt.Sprintf("the function logged the secret %s", secret))
	}
	total := 0
	for _, c := range d.consumers {
		requests, failures := c.counts()
		total += requests
		d.report.Consumers = append(d.report.Consumers, ConsumerReport{c.name, requests, len(failures)})
		d.report.Failures = append(d.report.Failures, failures...)
	}

	calls := 0
	for _, s := range d.report.Timeline {
		if s.Call != "" {
			calls++
		}
	}
	d.story.say("\n%s\n  %s\n", draw(d.report.Timeline, 84), legend)
	if len(d.report.Broken) == 0 {
		d.story.say("Kept: PingOne accepted AWSCURRENT after each of the function's %d calls and each of the 25 hours.", calls)
		d.story.say("      %d rotations, %d new secrets, none of them in the function's log.", d.report.Rotations, d.report.Mints)
	}
	d.story.say("Applications: %d requests for a token, %d failed.", total, len(d.report.Failures))
}
