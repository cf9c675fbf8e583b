package rotation_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pingrotate/internal/register"
)

// digest describes the state of all three services as the next invocation finds it, with
// times relative to now and with names numbered as they appear. Two plays with the same
// digest continue in the same way.
func (p *play) digest() string {
	d := &digester{now: p.ping.Now(), names: map[string]int{}}
	for _, name := range p.subjectNames() {
		d.secret(p, name)
	}
	clients := slices.DeleteFunc(slices.Collect(maps.Keys(p.promise.accounts)), func(c string) bool { return !d.known(c) })
	slices.SortFunc(clients, func(a, b string) int { return d.name(a) - d.name(b) })
	d.line("%d applications", len(p.promise.accounts))
	for _, client := range clients {
		s := p.ping.Secret(p.app.Environment, client)
		d.line("client %d: %d, before %d until %s used %s", d.name(client), d.name(s.Value), d.name(s.Previous), d.time(s.PreviousExpiresAt), d.time(s.PreviousLastUsed))
	}
	for line := range strings.Lines(p.ping.Dump()) {
		if f := strings.Fields(line); strings.Contains(line, " application ") && d.known(f[3]) {
			d.line("%d %s %s", d.name(f[3]), f[len(f)-2], f[len(f)-1])
		}
	}
	d.item(p.item())
	if p.ping.Held() != nil || p.sm.Held() != nil || p.db.Held() != nil {
		d.line("held %d %d %d", len(p.ping.Held()), len(p.sm.Held()), len(p.db.Held()))
	}
	return d.b.String()
}

func (p *play) subjectNames() (names []string) {
	for _, s := range p.promise.subjects {
		names = append(names, s.name)
	}
	return names
}

type digester struct {
	b     strings.Builder
	now   time.Time
	names map[string]int
}

func (d *digester) line(format string, args ...any) {
	fmt.Fprintf(&d.b, format, args...)
	d.b.WriteByte('\n')
}

func (d *digester) known(s string) bool { _, ok := d.names[s]; return ok }

// name returns a number for an id or a secret, 0 for none.
func (d *digester) name(s string) int {
	if s == "" {
		return 0
	}
	if d.names[s] == 0 {
		d.names[s] = len(d.names) + 1
	}
	return d.names[s]
}

// time returns how far away a time is. The farther, the coarser, but always finer than the
// units in which any rule counts at that distance.
func (d *digester) time(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	away, to := t.Sub(d.now), 15*time.Minute
	switch {
	case away.Abs() < 3*time.Minute:
		to = 15 * time.Second
	case away.Abs() < time.Hour:
		to = 5 * time.Minute
	}
	return away.Round(to).String()
}

// secret describes a managed secret's labels and what their versions hold.
func (d *digester) secret(p *play, name string) {
	d.line("secret %s", name)
	all := p.sm.Labels(name)
	byLabel := map[string]string{}
	for id, labels := range all {
		for _, l := range labels {
			byLabel[l] = id
		}
	}
	for _, label := range slices.Sorted(maps.Keys(byLabel)) {
		text, stored := p.sm.Value(name, label)
		h := parseHeld(text)
		rest := strings.NewReplacer(h.secret, "", h.client, "", h.twin, "")
		if h.secret == "" {
			rest = strings.NewReplacer()
		}
		d.line("%s on %d: %t, %d of %d twin %d, %d", label, d.name(byLabel[label]), stored, d.name(h.secret), d.name(h.client), d.name(h.twin), len(rest.Replace(text)))
	}
	d.line("changed %s", d.time(p.promise.changed[name]))
}

// item describes the register's item.
func (d *digester) item(i register.Item) {
	d.line("lease %t %s, unknown %s", i.Lease.Holder != "", d.time(i.Lease.Until), d.time(i.Unknown))
	if in := i.Intent; in != nil {
		d.line("intent %s of %d for %d by %s since %s, %d to %d, before %t", in.Act, d.name(in.Application), d.name(in.Rotation), in.By, d.time(in.Since), d.name(in.From), d.name(in.To), in.Before != "")
	}
	var apps []string
	for id, a := range i.Applications {
		apps = append(apps, fmt.Sprintf("application %d made for %d by %s at %s after the mark %t", d.name(id), d.name(a.Current.Rotation), a.Current.By, d.time(a.Current.At), i.Emergency != nil && a.Current.Announced > i.Emergency.Mark))
	}
	for arn, s := range i.Secrets {
		apps = append(apps, fmt.Sprintf("secret %s on %d since %s", arn[strings.LastIndex(arn, "/")+1:len(arn)-len("-abcdef")], d.name(s.Version), d.time(s.Since)))
	}
	slices.Sort(apps)
	d.line("%s", strings.Join(apps, "\n"))
	if e := i.Emergency; e != nil {
		d.line("emergency %s since %s, %d must die", e.How, d.time(e.Marked), len(e.Must))
	}
	d.line("ended %t", i.Ended != nil)
}
