package rotation_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"pingrotate/internal/memory"
	"pingrotate/internal/registertest"
	"pingrotate/pingone/pingonetest"
	"pingrotate/rotation"
	"pingrotate/rotation/secretsmanagertest"
)

// option changes a world before its first call.
type option func(*options)

type options struct {
	app      pingonetest.Application
	edit     func(document map[string]any)
	settings rotation.Settings
	creator  bool // the admin may create and equip applications
	fresh    bool // the register knows nothing of the client
}

// withApp starts with another application.
func withApp(app pingonetest.Application) option { return func(o *options) { o.app = app } }

// withDocument changes the managed secret's first version.
func withDocument(edit func(map[string]any)) option { return func(o *options) { o.edit = edit } }

// newWorld makes a world whose requests stay in memory.
func newWorld(t testing.TB, opts ...option) *world {
	t.Helper()
	w := populated(t, opts...)
	w.connectInMemory()
	w.bring()
	w.open()
	return w
}

// onSockets makes a world whose services are behind sockets, for the tests of what a
// connection can do.
func onSockets(t testing.TB, opts ...option) *world {
	t.Helper()
	w := populated(t, opts...)
	w.sockets = true
	w.connect(&http.Transport{DisableKeepAlives: true}, &http.Transport{}, &http.Transport{})
	w.bring()
	w.open()
	return w
}

// populated makes the services of a world, filled and not yet connected.
func populated(t testing.TB, opts ...option) *world {
	t.Helper()
	ping, sm, db := pingonetest.Run(t), secretsmanagertest.Run(t), registertest.Run(t)
	db.Follow(ping.Now)
	return populate(t, ping, sm, db, opts...)
}

// inBubble makes a world without sockets whose time is synctest's: it passes when
// everything waits, and costs nothing.
func inBubble(t *testing.T, run func(*world), opts ...option) {
	t.Helper()
	ping, sm := pingonetest.Run(brief{quiet{t}}), secretsmanagertest.Run(brief{quiet{t}})
	defer ping.Close() // now, because a matrix has more worlds than a process has files
	defer sm.Close()
	synctest.Test(t, func(t *testing.T) {
		ping.Follow(time.Now)
		sm.Follow(time.Now)
		db := registertest.Within(quiet{t})
		db.Follow(time.Now)
		w := populate(t, ping, sm, db, opts...)
		w.bubble = true
		w.connectInMemory()
		w.open()
		run(w)
	})
}

func (w *world) connectInMemory() {
	w.connect(&memory.Transport{Handler: w.ping}, &memory.Transport{Handler: w.sm}, &memory.Transport{Handler: w.db})
}

// populate fills the services.
func populate(t testing.TB, ping *pingonetest.Server, sm *secretsmanagertest.Server, db *registertest.Server, opts ...option) *world {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	w := &world{t: t, ping: ping, sm: sm, db: db, fresh: o.fresh, log: &journal{}}
	db.CreateTable(registerTable, "subject", "entry", "expires")
	w.admin = ping.AddApplication(pingonetest.Application{Name: "admin", Roles: []pingonetest.RoleAssignment{
		{Role: "Client Application Developer"}, {Role: "Identity Data Admin"},
	}})
	if o.creator {
		ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
			a.Roles = append(a.Roles, pingonetest.RoleAssignment{Role: "Environment Admin"})
		})
	}
	if o.app.Roles == nil {
		o.app.Roles = []pingonetest.RoleAssignment{{Role: "Identity Data Admin"}}
	}
	o.app.Name, o.app.Environment = "orders-api", w.admin.Environment
	w.app = ping.AddApplication(o.app)

	first := document(w.app)
	if o.edit != nil {
		o.edit(first)
	}
	sm.Put(orders, encode(first))
	admin := document(w.admin)
	admin["allow"] = []any{entryFor(orders, first)}
	sm.Put(adminName, encode(admin))

	o.settings.AdminSecretID = adminName
	o.settings.APIURL, o.settings.AuthURL = ping.URL(), ping.URL()
	w.settings = o.settings
	sm.AddFunction(functionARN, w.invoke)
	sm.EnableRotation(orders, functionARN)
	return w
}
