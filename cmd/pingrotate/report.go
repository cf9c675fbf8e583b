package main

import "fmt"

// A report is what -o json writes.
type report struct {
	Secret    string           `json:"secret"`
	Chapters  []*chapter       `json:"chapters"`
	Timeline  []sample         `json:"timeline"`
	Rotations int              `json:"rotations"`
	Mints     int              `json:"mints"`
	LogBytes  int              `json:"logBytes"` // of the function's log, searched for secrets
	Consumers []consumerReport `json:"consumers"`
	Failures  []string         `json:"failures"` // of the consumers' requests
	Broken    []string         `json:"broken"`   // promises
}

type chapter struct {
	Day   int    `json:"day"`
	Title string `json:"title"`
	Steps []step `json:"steps"`
}

type consumerReport struct {
	Name     string `json:"name"`
	Requests int    `json:"requests"`
	Failed   int    `json:"failed"`
}

// conclude checks what can be checked at the end only, and tells the result.
func (d *demonstration) conclude() {
	d.Timeline = d.watch.seen()
	d.Broken = append(d.Broken, broken(d.Timeline)...)
	for _, e := range d.secrets.Events(ordersSecret) {
		if e.Name == "RotationSucceeded" {
			d.Rotations++
		}
	}
	d.Mints = d.pingOne.Mints(d.orders.Environment, d.orders.ID)
	if d.Mints != d.Rotations {
		d.Broken = append(d.Broken, fmt.Sprintf("%d rotations regenerated the secret %d times", d.Rotations, d.Mints))
	}
	log := d.function.log.all()
	d.LogBytes = len(log)
	for _, secret := range leaks(log, append(d.pingOne.Issued(), d.secrets.Values()...)) {
		d.Broken = append(d.Broken, fmt.Sprintf("the function logged the secret %s", secret))
	}
	total := 0
	for _, c := range d.consumers {
		requests, failures := c.counts()
		total += requests
		d.Consumers = append(d.Consumers, consumerReport{c.name, requests, len(failures)})
		d.Failures = append(d.Failures, failures...)
	}

	calls := 0
	for _, s := range d.Timeline {
		if s.Call != "" {
			calls++
		}
	}
	d.story.say("\n%s\n  %s\n", draw(d.Timeline, 84), legend)
	if len(d.Broken) == 0 {
		d.story.say("Kept: PingOne accepted AWSCURRENT after each of the function's %d calls and each of the 25 hours.", calls)
		d.story.say("      %d rotations, %d new secrets, none of them in the function's log.", d.Rotations, d.Mints)
	}
	d.story.say("Applications: %d requests for a token, %d failed.", total, len(d.Failures))
}
