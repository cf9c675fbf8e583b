package rotation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pingrotate/internal/fault"
	"pingrotate/pingone"
	"pingrotate/pingone/pingonetest"
)

// userSecret stores the secret of a test user who does not exist yet.
func (w *world) userSecret(members ...string) {
	u := testUser(w.app.Environment)
	for m := range slices.Chunk(members, 2) {
		u[m[0]] = m[1]
	}
	w.sm.Put(testUserName, encode(u))
}

// createTestUser is the invocation of a check that may create the user.
func (w *world) createTestUser() ([]string, error) {
	ctx, cancel := context.WithDeadline(w.t.Context(), w.ping.Now().Add(time.Minute))
	defer cancel()
	w.die.Store(&cancel)
	return w.rotator.CreateTestUser(ctx, orders)
}

// people returns how many populations and users there are.
func (w *world) people() string {
	w.t.Helper()
	return fmt.Sprint(w.fetch("populations")["count"], " populations, ", w.fetch("users")["count"], " users")
}

func TestTestUserIsCreatedWhereItIsMissing(t *testing.T) {
	w := newWorld(t, signedOn)
	w.userSecret()
	done, err := w.createTestUser()
	if err != nil || len(done) != 3 {
		t.Fatalf("got %q, %v, want a population, a user and a password", done, err)
	}
	user, err := w.root().FindUser(t.Context(), w.app.Environment, "ada")
	if err != nil || user == nil {
		t.Fatalf("got %v, %v, want the user", user, err)
	}
	if email := w.readUser(user.ID)["email"]; email != "test-user-fdee430d40bd57de@example.com" {
		t.Errorf("got email %v, want one that goes nowhere", email)
	}
	w.rotate()
	w.checkPromoted()
	w.advance(25 * time.Hour)
	w.rotate()
	w.checkPromoted()
	if got := w.log.lines()[6]["verified"]; got != "the test user signed on and changed nickname" {
		t.Errorf("verified: got %v", got)
	}

	changes := w.ping.Count(pingonetest.OpCreateUser) + w.ping.Count(pingonetest.OpCreatePopulation) + w.ping.Count(pingonetest.OpSetPassword)
	if done, err := w.createTestUser(); err != nil || len(done) != 0 {
		t.Errorf("again: got %q, %v, want nothing to do", done, err)
	}
	if n := w.ping.Count(pingonetest.OpCreateUser) + w.ping.Count(pingonetest.OpCreatePopulation) + w.ping.Count(pingonetest.OpSetPassword); n != changes || changes != 3 {
		t.Errorf("got %d calls that change something, and %d after a repetition, want 3 both times", changes, n)
	}
	w.checkSilent(done...)
}

func TestTestUserHasTheEmailOfItsSecret(t *testing.T) {
	w := newWorld(t, signedOn)
	w.userSecret("username", "Zoë-1", "email", "tests@example.org")
	if _, err := w.createTestUser(); err != nil {
		t.Fatal(err)
	}
	user, err := w.root().FindUser(t.Context(), w.app.Environment, "Zoë-1")
	if err != nil || user == nil || w.readUser(user.ID)["email"] != "tests@example.org" {
		t.Errorf("got %v, %v, want a user with that email", user, err)
	}
}

// Whatever a run that died has created, the next one finds it.
func TestTestUserIsCreatedOnceThroughAnyFault(t *testing.T) {
	var calls []place
	inBubble(t, func(w *world) {
		w.userSecret()
		count := map[string]int{}
		var mu sync.Mutex
		w.ping.Before(func(c fault.Call) fault.Kind {
			mu.Lock()
			defer mu.Unlock()
			count[c.Operation]++
			calls = append(calls, place{c.Service, c.Operation, count[c.Operation]})
			return fault.None
		})
		if _, err := w.createTestUser(); err != nil {
			t.Fatal(err)
		}
	}, signedOn)
	if len(calls) != 7 { // a token, two searches, two creations, the password's state and the password
		t.Errorf("got calls %v, want 7", calls)
	}
	for _, at := range calls {
		for _, f := range fates() {
			if f.again || f.turn != "" || f.kind >= fault.Late {
				continue
			}
			t.Run(fmt.Sprintf("%s %d, %s", at.operation, at.n, f), func(t *testing.T) {
				inBubble(t, func(w *world) {
					w.userSecret()
					var mu sync.Mutex
					seen := 0
					hit := func(c fault.Call) bool {
						mu.Lock()
						defer mu.Unlock()
						if c.Operation == at.operation {
							seen++
						}
						return c.Operation == at.operation && seen == at.n
					}
					w.ping.Before(func(c fault.Call) fault.Kind {
						if !hit(c) {
							return fault.None
						}
						if f.death && !f.kind.Applies() {
							(*w.die.Load())()
						}
						return f.kind
					})
					w.ping.After(func(_ fault.Call, k fault.Kind) {
						if f.death && k == f.kind {
							(*w.die.Load())()
						}
					})
					_, err := w.createTestUser()
					w.ping.Before(nil)
					w.ping.After(nil)
					if f.death && err == nil {
						t.Error("got success of a process that died")
					}
					w.connect(w.toPingOne, w.toSecretsManager, w.toRegister)
					_, again := w.createTestUser()
					if got := w.people(); again != nil || got != "1 populations, 1 users" {
						t.Errorf("got %v and then %v with %s, want one of each", err, again, got)
					}
					w.rotate()
					w.checkPromoted()
					w.checkSilent(fmt.Sprint(err))
				}, signedOn)
			})
		}
	}
}

// The writer of a managed secret must not be able to take over a person's account with it.
func TestUserWhoIsSomebodyIsLeftAsTheyAre(t *testing.T) {
	const own = "ada's own password"
	elsewhere := func(w *world, name string) {
		population, err := w.root().CreatePopulation(t.Context(), w.app.Environment, name)
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.root().CreateUser(t.Context(), w.app.Environment, population, "ada", "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.root().SetPassword(t.Context(), w.app.Environment, id, pingone.NewSecret(own)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, username string
		before         func(*world)
	}{
		{"in another population", "ada", func(w *world) { elsewhere(w, "people") }},
		{"of another secret's tests", "ada", func(w *world) { elsewhere(w, "Test users [pingrotate 0123456789abcdef]") }},
		{"with a name in another case", "ADA", func(w *world) { elsewhere(w, "people") }},
		{"who was there when the population came", "ada", func(w *world) {
			w.userSecret("username", "other")
			if _, err := w.createTestUser(); err != nil {
				t.Fatal(err)
			}
			elsewhere(w, "people")
		}},
		{"who comes between the search and the creation", "ada", func(w *world) {
			w.ping.Before(func(c fault.Call) fault.Kind {
				if c.Operation == pingonetest.OpCreateUser {
					w.ping.Before(nil)
					elsewhere(w, "people")
				}
				return fault.None
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, signedOn)
			c.before(w)
			w.userSecret("username", c.username)
			done, err := w.createTestUser()
			if err == nil || !strings.Contains(err.Error(), "store another username in the secret "+testUserName) {
				t.Fatalf("got %q, %v, want an error that says what to do", done, err)
			}
			w.userSecret("password", own)
			w.rotate() // with ada's unchanged password
			w.checkPromoted()
			w.checkSilent(err.Error())
		})
	}
}

func TestTestUserThatCannotBeCreatedSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name  string
		apart func(*world)
		words string
	}{
		{"no role", func(w *world) {
			w.ping.UpdateApplication(w.admin.Environment, w.admin.ID, func(a *pingonetest.Application) {
				a.Roles = []pingonetest.RoleAssignment{{Role: "Client Application Developer"}}
			})
		}, "give it the role Identity Data Admin at the environment"},
		{"a password that the policy refuses", func(w *world) { w.userSecret("password", "short1!") }, "change the username, password or email in the secret " + testUserName},
		{"a username that cannot be searched for", func(w *world) { w.userSecret("username", `a" or username eq "ada`) }, "choose another"},
		{"no secret for it", func(w *world) {
			d := w.stored("AWSCURRENT")
			delete(d["rotation"].(map[string]any), "verify")
			w.sm.Put(orders, encode(d))
		}, "field rotation.verify.userSecretId"},
		{"another environment", func(w *world) { w.userSecret("environmentId", "11111111-2222-3333-4444-555555555555") }, "field environmentId"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, signedOn)
			w.userSecret()
			c.apart(w)
			_, err := w.createTestUser()
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Fatalf("got %v, want an error with %q", err, c.words)
			}
			t.Log(err)
			if strings.Contains(err.Error(), "short1!") || strings.Contains(err.Error(), password) {
				t.Error("the error shows the password")
			}
			w.checkSilent(err.Error())
		})
	}
}
