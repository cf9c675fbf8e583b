package playground

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// consumerKey is the access key id that tells a consumer's calls from the function's.
const consumerKey = "consumer"

// A consumer is an application that asks PingOne for tokens with the stored secret. It
// knows nothing about the rotation and never retries, so each failure is one that an
// application would see.
type consumer struct {
	name    string
	keep    time.Duration // how long it uses what it has read; 0 means that it reads each time
	now     func() time.Time
	secrets *secretsmanager.Client
	http    *http.Client

	held   Credential
	readAt time.Time

	mu       sync.Mutex
	requests int
	failures []string
}

func newConsumer(name string, keep time.Duration, w *World) *consumer {
	return &consumer{
		name: name,
		keep: keep,
		now:  w.Secrets.Now,
		secrets: secretsmanager.New(secretsmanager.Options{
			BaseEndpoint: aws.String(w.Endpoints().SecretsManager),
			Region:       "us-east-1",
			Credentials:  credentials.NewStaticCredentialsProvider(consumerKey, "made-up", ""),
			Retryer:      aws.NopRetryer{},
		}),
		http: &http.Client{Timeout: 5 * time.Second},
	}
}

// pace is the time between two requests of a consumer.
const pace = 20 * time.Millisecond

// run asks for one token after another until stop is closed. It holds the lock for reading
// during each request.
func (c *consumer) run(ctx context.Context, stop <-chan struct{}, lock *sync.RWMutex, where func() string) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		lock.RLock()
		err := c.ask(ctx)
		lock.RUnlock()
		c.mu.Lock()
		c.requests++
		if err != nil {
			c.failures = append(c.failures, fmt.Sprintf("%s: the consumer that %s: %v", where(), c.name, err))
		}
		c.mu.Unlock()
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// ask obtains one token.
func (c *consumer) ask(ctx context.Context) error {
	if now := c.now(); c.keep == 0 || now.Sub(c.readAt) >= c.keep {
		out, err := c.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(OrdersSecret)})
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &c.held); err != nil {
			return fmt.Errorf("decode the stored document: %w", err)
		}
		c.readAt = now
	}
	form := strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.held.TokenEndpoint, form)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(c.held.ClientID, c.held.ClientSecret)
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read PingOne's answer: %w", err)
	}
	if json.Unmarshal(body, &answer) != nil || resp.StatusCode != http.StatusOK || answer.AccessToken == "" {
		return fmt.Errorf("PingOne gives no token for %s: %s %s", Fingerprint(c.held.ClientSecret), resp.Status, answer.Error)
	}
	return nil
}

// counts returns how many tokens were asked for, and what the failures were.
func (c *consumer) counts() (requests int, failures []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests, append([]string(nil), c.failures...)
}
