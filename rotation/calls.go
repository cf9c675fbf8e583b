package rotation

import (
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Calls counts requests, including retries.
type Calls struct {
	SecretsManager int64 `json:"secretsManager"`
	PingOne        int64 `json:"pingOne"`            // all of them
	PingOneAPI     int64 `json:"pingOneApi"`         // those that count against the licence's limit for configuration
	Register       int64 `json:"register,omitempty"` // reads and writes of the register's table
}

// Add adds more to the counts.
func (c *Calls) Add(more Calls) {
	c.SecretsManager += more.SecretsManager
	c.PingOne += more.PingOne
	c.PingOneAPI += more.PingOneAPI
	c.Register += more.Register
}

// A counter counts the calls of one run. Its methods may be called concurrently.
type counter struct{ secretsManager, pingOne, platform, register atomic.Int64 }

// take returns the counts since it was last called.
func (c *counter) take() Calls {
	return Calls{
		SecretsManager: c.secretsManager.Swap(0),
		PingOne:        c.pingOne.Swap(0),
		PingOneAPI:     c.platform.Swap(0),
		Register:       c.register.Swap(0),
	}
}

// requests makes a call to Secrets Manager count each of its requests, including retries.
func (c *counter) requests(o *secretsmanager.Options) {
	o.HTTPClient = counted{o.HTTPClient, &c.secretsManager}
}

// counted is an HTTP client that counts the requests to Secrets Manager.
type counted struct {
	next secretsmanager.HTTPClient
	n    *atomic.Int64
}

func (c counted) Do(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.Do(r)
}

// observe counts a request to PingOne. It is a [pingone.Client.Observe].
func (c *counter) observe(_ string, platform bool) {
	c.pingOne.Add(1)
	if platform {
		c.platform.Add(1)
	}
}
