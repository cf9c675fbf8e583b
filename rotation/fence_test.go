package rotation_test

import (
	"sync/atomic"
	"testing"

	"pingrotate/internal/fault"
	"pingrotate/internal/register"
)

// A run that is overtaken at any write to the register sends nothing that relies on its
// earlier reads. Nothing is minted without its intent.
func TestTheIntentIsTheFence(t *testing.T) {
	for at := int64(1); at <= 5; at++ {
		w := newWorld(t)
		key := register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID}
		thief := &register.Table{Name: registerTable, Connection: w.rotator.Register.Connection, Now: w.ping.Now}
		fetch := func() register.Revision {
			rev, err := thief.Fetch(t.Context(), key)
			if err != nil {
				t.Error(err)
			}
			return rev
		}
		var n atomic.Int64
		w.db.Before(func(c fault.Call) fault.Kind {
			if c.Operation == "PutItem" && n.Add(1) == at {
				rev := fetch()
				if _, err := thief.Replace(t.Context(), key, rev, rev.Item.Take("thief", "a test", w.ping.Now())); err != nil {
					t.Error(err)
				}
			}
			return fault.None
		})
		w.ping.Before(func(c fault.Call) fault.Kind {
			if c.Operation == "POST application secret" {
				item := fetch().Item
				if item.Lease.Holder == "thief" {
					t.Errorf("overtaken at write %d, and minted all the same", at)
				}
				if item.Intent == nil || item.Intent.Act != register.Mint {
					t.Error("minted without an intent in the register")
				}
			}
			return fault.None
		})
		if err := w.sm.Rotate(t.Context(), orders); err != nil {
			w.advance(register.LeaseTime + register.Skew)
			w.retry()
		}
		w.checkPromoted()
	}
}
