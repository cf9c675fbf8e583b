package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pingrotate/internal/playground"
	"pingrotate/internal/runtimetest"
	"pingrotate/rotation"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A policy is one of docs/permissions.md.
type policy struct {
	Statement []struct {
		Effect   string
		Action   oneOrMore
		Resource oneOrMore
	}
}

type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// policies returns the policies of the page by their names.
func policies(t *testing.T) map[string]policy {
	t.Helper()
	page, err := os.ReadFile("../../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]policy{}
	for _, m := range regexp.MustCompile("(?s)```json ([a-z]+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		var p policy
		if err := json.Unmarshal([]byte(m[2]), &p); err != nil {
			t.Fatalf("%s: %v", m[1], err)
		}
		all[m[1]] = p
	}
	return all
}

// A used is a right that a call needs.
type used struct{ action, resource string }

// allows reports whether IAM would allow the call: a star in a resource stands for any
// characters, also for colons.
func (p policy) allows(u used) bool {
	for _, s := range p.Statement {
		if s.Effect == "Allow" && slices.Contains(s.Action, u.action) && slices.ContainsFunc(s.Resource, func(r string) bool { return matchesARN(r, u.resource) }) {
			return true
		}
	}
	return false
}

func matchesARN(pattern, arn string) bool {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(arn)
}

// rights returns what the command's own calls, which bear the operator's key, have needed.
func (d *deployment) rights(qualifiers []string) (all []used) {
	for _, c := range d.Secrets.Calls() {
		if c.Trace != operatorKey {
			continue
		}
		resource := "*"
		if c.Operation != "ListSecrets" {
			resource = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + c.Target + "-a1B2c3"
		}
		all = append(all, used{"secretsmanager:" + c.Operation, resource})
		if c.Operation == "RotateSecret" { // which needs the right to invoke the function, see its API reference
			all = append(all, used{"lambda:InvokeFunction", runtimetest.FunctionARN})
		}
	}
	for _, q := range qualifiers {
		all = append(all, used{"lambda:InvokeFunction", strings.TrimSuffix(runtimetest.FunctionARN+":"+q, ":")})
	}
	return all
}

// operate runs the commands with the operator's key, and returns through which qualifiers it
// has invoked the function.
func (d *deployment) operate(t *testing.T, commands ...[]string) (qualifiers []string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": operatorKey, "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_REGION": "us-east-1",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": d.Endpoints().SecretsManager, "AWS_ENDPOINT_URL_LAMBDA": d.cloud.URL(), "AWS_ENDPOINT_URL_STS": d.cloud.URL(),
	} {
		t.Setenv(name, value)
	}
	invoke := d.cloud.Invoke
	d.cloud.Invoke = func(ctx context.Context, qualifier string, event []byte) ([]byte, error) {
		qualifiers = append(qualifiers, qualifier)
		return invoke(ctx, qualifier, event)
	}
	defer func() { d.cloud.Invoke = invoke }()
	for _, args := range commands {
		p, said := quietly(aws.Config{})
		root := newRoot(p)
		root.SetArgs(args)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, said)
		}
	}
	return qualifiers
}

// TestWhoOperatesNeedsWhatThePageSays runs what operators run, and compares the calls with
// the policy.
func TestWhoOperatesNeedsWhatThePageSays(t *testing.T) {
	d := deploy(t, answered)
	through := d.operate(t, []string{"status"}, []string{"check", playground.OrdersSecret}, []string{"audit"}, []string{"rotate", "--all", "--yes"})
	needed := d.rights(through)
	operate, all := policies(t)["operate"], map[string]bool{}
	for _, u := range needed {
		all[u.action] = true
		if !operate.allows(u) {
			t.Errorf("the policy does not allow %v", u)
		}
	}
	for _, s := range operate.Statement {
		for _, a := range s.Action {
			if !all[a] {
				t.Errorf("the policy allows %s, which no command needs", a)
			}
		}
	}
}

// TestWhoAttachesNeedsWhatThePageSays runs adopt, which attaches a secret; filling it
// without a rotation is an action, which operators may.
func TestWhoAttachesNeedsWhatThePageSays(t *testing.T) {
	d := deploy(t, answered)
	app := d.Add("shop", "Identity Data Admin")
	if err := errors.Join(d.Know(app), d.Serve("pingone/orders/shop", d.Document(app))); err != nil {
		t.Fatal(err)
	}
	through := d.operate(t, []string{"adopt", "--secret", "pingone/orders/shop", "--tag", "team=orders", "--pingone-region", "NA",
		"--environment", app.Environment, "--client-id", app.ClientID, "--schedule", "rate(30 days)"})
	d.Secrets.Wait()
	attach, operate := policies(t)["attach"], policies(t)["operate"]
	for _, u := range d.rights(nil) {
		if !attach.allows(u) {
			t.Errorf("the policy does not allow %v", u)
		}
	}
	for _, u := range d.rights(through) {
		if !attach.allows(u) && !operate.allows(u) {
			t.Errorf("neither policy allows %v", u)
		}
	}
}

// TestNoPolicyGivesTheAliasAway: only the operators' reaches it, and what the page warns
// about would.
func TestNoPolicyGivesTheAliasAway(t *testing.T) {
	alias := used{"lambda:InvokeFunction", runtimetest.FunctionARN + ":" + rotation.OperateAlias}
	itself := used{"lambda:InvokeFunction", runtimetest.FunctionARN}
	for name, want := range map[string][2]bool{"attach": {false, true}, "operate": {true, false}, "look": {false, false}} {
		p, ok := policies(t)[name]
		if !ok {
			t.Fatalf("docs/permissions.md has no policy %s", name)
		}
		if got := [2]bool{p.allows(alias), p.allows(itself)}; got != want {
			t.Errorf("%s: allows the alias and the function %v, want %v", name, got, want)
		}
	}
	for _, given := range []string{runtimetest.FunctionARN + ":*", runtimetest.FunctionARN + "*"} {
		var p policy
		text := fmt.Sprintf(`{"Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":%q}]}`, given)
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if !p.allows(alias) {
			t.Errorf("%s: does not give the alias away, and the page says so", given)
		}
	}
}
