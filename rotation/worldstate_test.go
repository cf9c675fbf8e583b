package rotation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"pingrotate/internal/canary"
	"pingrotate/internal/register"
	"pingrotate/rotation/secretsmanagertest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// stored returns what the label's version holds.
func (w *world) stored(label string) map[string]any {
	w.t.Helper()
	text, ok := w.sm.Value(orders, label)
	if !ok {
		return nil
	}
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		w.t.Fatalf("decode the version labelled %s: %v", label, err)
	}
	return d
}

// secret returns the client secret of the version with the label.
func (w *world) secret(label string) string {
	s, _ := w.stored(label)["clientSecret"].(string)
	return s
}

func (w *world) accepts(secret string) bool {
	return w.ping.Authenticates(w.app.Environment, w.app.ClientID, secret)
}

// client returns the application that AWSCURRENT names, or else the world's first one.
func (w *world) client() string {
	if id, ok := w.stored("AWSCURRENT")["clientId"].(string); ok && w.app.ClientID == w.app.ID {
		return id
	}
	return w.app.ID
}

// mints counts the regenerations of every application that a version names.
func (w *world) mints() (n int) {
	ids := map[string]bool{w.app.ID: true}
	for _, label := range []string{"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"} {
		if id, ok := w.stored(label)["clientId"].(string); ok && w.app.ClientID == w.app.ID {
			ids[id] = true
		}
	}
	for id := range ids {
		n += w.ping.Mints(w.app.Environment, id)
	}
	return n
}

// decisions returns the decision of each step so far, from the log.
func (w *world) decisions() []string {
	var all []string
	for _, line := range w.log.lines() {
		d, _ := line["decision"].(string)
		all = append(all, d)
	}
	return all
}

// promoted reports whether AWSCURRENT is PingOne's current secret.
func (w *world) promoted() bool {
	return w.secret("AWSCURRENT") == w.live().value
}

// checkPromoted checks that a rotation has finished: AWSCURRENT is PingOne's current
// secret, and no other version is pending.
func (w *world) checkPromoted() {
	w.t.Helper()
	if !w.promoted() {
		w.t.Errorf("AWSCURRENT is not PingOne's current secret\n%s%s%s", w.sm.Dump(), w.ping.Dump(), w.log)
	}
	if pending := w.sm.VersionID(orders, "AWSPENDING"); pending != "" && pending != w.sm.VersionID(orders, "AWSCURRENT") {
		w.t.Errorf("AWSPENDING is left on version %s\n%s", pending, w.sm.Dump())
	}
}

// checkSilent checks that neither the log nor an error gave a secret away.
func (w *world) checkSilent(texts ...string) {
	w.t.Helper()
	if leak := w.leaks(texts...); leak != "" {
		w.t.Error(leak)
	}
}

// leaks searches the log, the register and the texts for every secret and token that ever
// existed, also as it would look in a header or a URL.
func (w *world) leaks(texts ...string) string {
	all := w.log.String() + w.db.Dump() + strings.Join(texts, "\n")
	if canary.Any(all, append(w.ping.Issued(), rotationTokens(w.sm)...)) {
		return "a secret has reached the log, the register or an error"
	}
	return ""
}

// rotationTokens returns the values in the stand-in that are not whole documents. The only
// secret in a document is one that PingOne issued.
func rotationTokens(sm *secretsmanagertest.Server) []string {
	var tokens []string
	for _, v := range sm.Values() {
		if !strings.HasPrefix(v, "{") {
			tokens = append(tokens, v)
		}
	}
	return tokens
}

// journal keeps log lines.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) lines() []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(j.String()) {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) == nil && l["_aws"] == nil {
			all = append(all, l)
		}
	}
	return all
}

// emergencyOpen reports whether the register has an emergency that has not ended.
func (w *world) emergencyOpen() bool {
	w.t.Helper()
	for _, id := range []string{w.app.ID, w.client()} {
		rev, err := w.rotator.Register.Fetch(context.Background(), register.Key{EnvironmentID: w.app.Environment, ID: id})
		if err != nil {
			w.t.Fatal(err)
		}
		if rev.Item.Emergency != nil {
			return true
		}
	}
	return false
}

// loseItem deletes the client's item, and nothing else in the table.
func (w *world) loseItem() {
	w.t.Helper()
	o := dynamodb.Options{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""), HTTPClient: &http.Client{Transport: w.toRegister}}
	o.BaseEndpoint = aws.String("http://127.0.0.1:1")
	if w.sockets {
		o.BaseEndpoint = aws.String(w.db.URL())
	}
	key := register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID}
	_, err := dynamodb.New(o).DeleteItem(w.t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(registerTable), Key: map[string]types.AttributeValue{
		"subject": &types.AttributeValueMemberS{Value: "client#" + key.String()}, "entry": &types.AttributeValueMemberS{Value: "item"},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// holdLease makes another process take the lease now.
func (w *world) holdLease(who string) {
	w.t.Helper()
	key := register.Key{EnvironmentID: w.app.Environment, ID: w.app.ID}
	rev, err := w.rotator.Register.Fetch(w.t.Context(), key)
	if err == nil {
		_, err = w.rotator.Register.Replace(w.t.Context(), key, rev, rev.Item.Take(who, "createSecret of "+orders, w.ping.Now()))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
