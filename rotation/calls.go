package rotation

import (
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Calls counts requests, repeats included.
type Calls struct {
	SecretsManager int64 `json:"secretsManager"`
	PingOne        int64 `json:"pingOne"`            // all of them
	PingOneAPI     int64 `json:"pingOneApi"`         // those that count against the licence's limit for configuration
	Register       int64 `json:"register,omitempty"` // reads and writes of the register's table
}

// Add counts more of them.
func (c *Calls) Add(more Calls) {
	c.SecretsManager += more.SecretsManager
	c.PingOne += more.PingOne
	c.PingOneAPI += more.PingOneAPI
	c.Register += more.Register
}

// counter counts the calls of one run, which may be made in parallel.
type counter struct{ secretsManager, pingOne, platform, register atomic.Int64 }

func (c *counter) calls() Calls {
	return Calls{
		SecretsManager: c.secretsManager.Load(),
		PingOne:        c.pingOne.Load(),
		PingOneAPI:     c.platform.Load(),
		Register:       c.register.Load(),
	}
}

// requests makes a call to Secrets Manager count each of its requests.
func (c *counter) requests(o *secretsmanager.Options) {
	o.HTTPClient = counted{o.HTTPClient, &c.secretsManager}
}

// counted counts the requests that go to Secrets Manager.
type counted struct {
	next secretsmanager.HTTPClient
	n    *atomic.Int64
}

func (c counted) Do(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.Do(r)
}

// observe counts a request to PingOne, as [pingone.Client.Observe] tells of it.
func (c *counter) observe(_ string, platform bool) {
	c.pingOne.Add(1)
	if platform {
		c.platform.Add(1)
	}
}
