package rotation_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pingrotate/internal/canary"
	"pingrotate/internal/fault"
	"pingrotate/rotation"
)

// services are those that may be hostile, by the way to make them so.
var services = map[string]func(*world, func(fault.Call) fault.Kind){
	"PingOne":         func(w *world, h func(fault.Call) fault.Kind) { w.ping.Before(h) },
	"Secrets Manager": func(w *world, h func(fault.Call) fault.Kind) { w.sm.Before(h) },
	"DynamoDB":        func(w *world, h func(fault.Call) fault.Kind) { w.db.Before(h) },
}

// A refusal has a secret as its code, its message and its request id. Each operation of
// each service answers so, from its first or its second call on. The secret must appear
// nowhere.
func TestAHostileServicesRefusalIsRepeatedNowhere(t *testing.T) {
	for service, hook := range services {
		quietly := onSockets(quiet{t})
		var mu sync.Mutex // independent calls arrive in parallel
		operations := map[string]bool{}
		hook(quietly, func(c fault.Call) fault.Kind {
			mu.Lock()
			defer mu.Unlock()
			operations[c.Operation] = true
			return fault.None
		})
		quietly.rotate()
		quietly.audit()
		for operation := range operations {
			for from := 1; from <= 2; from++ {
				t.Run(fmt.Sprint(service, ", ", operation, ", from call ", from), func(t *testing.T) {
					t.Parallel() // it waits more than it works
					w := onSockets(quiet{t})
					var seen atomic.Int32
					hook(w, func(c fault.Call) fault.Kind {
						if c.Operation != operation || int(seen.Add(1)) < from {
							return fault.None
						}
						return fault.Echo
					})
					var said []string
					if err := w.sm.Rotate(t.Context(), orders); err != nil {
						said = append(said, err.Error(), fmt.Sprintf("%+v", err))
					}
					for _, a := range []rotation.Action{{Action: "check", SecretID: orders}, {Action: "audit"}, {Action: "rotate", SecretID: orders}} {
						w.do(a)
						w.advance(time.Minute)
					}
					all := w.log.String() + strings.Join(append(said, w.reports...), "\n")
					if canary.In(all, fault.EchoedSecret) || strings.Contains(all, fault.EchoedSecret[:16]) {
						at := strings.Index(all, fault.EchoedSecret[:16])
						t.Errorf("what the service said has come out: %.300s", all[max(0, at-200):])
					}
					if leak := w.leaks(said...); leak != "" {
						t.Error(leak)
					}
				})
			}
		}
	}
}
