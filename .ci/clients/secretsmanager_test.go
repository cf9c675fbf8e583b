package clients

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pingrotate/rotation/secretsmanagertest"
)

const functionARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate-account"

// venv returns a program of the virtual environment that the run script makes.
func venv(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("CLIENTS_VENV")
	if dir == "" {
		t.Skip("needs boto3 and the AWS CLI in the virtual environment CLIENTS_VENV; .ci/clients/run makes one")
	}
	return filepath.Join(dir, "bin", name)
}

// environment is the environment of AWS's programs: no account of the person who runs the
// test, and nowhere to look for one.
func environment(s *secretsmanagertest.Server) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1", "SECRETS_MANAGER_URL=" + s.URL(),
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=made-up", "AWS_DEFAULT_REGION=us-east-1", "AWS_REGION=us-east-1",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}
}

func TestSDKForPythonMakesEveryCall(t *testing.T) {
	python := venv(t, "python")
	s := secretsmanagertest.Run(t)
	c := exec.CommandContext(t.Context(), python, "calls.py")
	c.Env = environment(s)
	said, err := c.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Errorf("calls.py: %v", err)
	}
}

// account is a service with one account, whose password its owner can change.
type account struct {
	mu        sync.Mutex
	password  string
	onChange  func() // after the next change, if not nil, and before its reply
	passwords []string
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, password, _ := r.BasicAuth()
	if password != a.password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodPut {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		a.password = string(b)
		a.passwords = append(a.passwords, a.password)
		if a.onChange != nil {
			a.onChange()
			a.onChange = nil
		}
	}
}

// function is a rotation function in Python, in a process that starts with the first event
// and, once killed, again with the next.
type function struct {
	start   func() *exec.Cmd
	running *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func (f *function) kill() {
	if f.running != nil {
		f.running.Process.Kill()
	}
}

func (f *function) stop() {
	if f.running != nil {
		f.in.Close()
		f.running.Wait()
		f.running = nil
	}
}

// invoke is one synchronous invocation, as secretsmanagertest wants it.
func (f *function) invoke(_ context.Context, event []byte) error {
	if f.running == nil {
		c := f.start()
		in, err := c.StdinPipe()
		if err != nil {
			return err
		}
		out, err := c.StdoutPipe()
		if err != nil {
			return err
		}
		if err := c.Start(); err != nil {
			return err
		}
		f.running, f.in, f.out = c, in, bufio.NewReader(out)
	}
	if _, err := fmt.Fprintf(f.in, "%s\n", event); err != nil {
		f.stop()
		return fmt.Errorf("the process is dead: %w", err)
	}
	line, err := f.out.ReadBytes('\n')
	if err != nil {
		f.stop()
		return fmt.Errorf("the process died: %w", err)
	}
	var outcome struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(line, &outcome); err != nil {
		return err
	}
	if outcome.ErrorType != "" {
		return errors.New(outcome.ErrorType + ": " + outcome.ErrorMessage)
	}
	return nil
}

// cloud is Secrets Manager with a secret that holds an account's password, the account,
// and the function that rotates it.
type cloud struct {
	*secretsmanagertest.Server
	t       *testing.T
	account *account
	f       *function
}

const secretName = "shop/account"

func newCloud(t *testing.T) *cloud {
	python := venv(t, "python")
	c := &cloud{Server: secretsmanagertest.Run(t), t: t, account: &account{password: "first"}}
	service := httptest.NewServer(c.account)
	t.Cleanup(service.Close)
	c.f = &function{start: func() *exec.Cmd {
		cmd := exec.Command(python, "host.py", "rotate_account")
		cmd.Env, cmd.Stderr = environment(c.Server), os.Stderr
		return cmd
	}}
	t.Cleanup(c.f.stop)
	value, err := json.Marshal(map[string]string{"url": service.URL, "username": "shop", "password": "first"})
	if err != nil {
		t.Fatal(err)
	}
	c.Put(secretName, string(value))
	c.AddFunction(functionARN, c.f.invoke)
	return c
}

// aws runs the AWS CLI and returns what it printed, as JSON.
func (c *cloud) aws(arguments ...string) map[string]any {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), venv(c.t, "aws"), append([]string{"--endpoint-url", c.URL(), "--output", "json", "secretsmanager"}, arguments...)...)
	cmd.Env = environment(c.Server)
	var said strings.Builder
	cmd.Stderr = &said
	printed, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("aws %s: %v: %s", strings.Join(arguments, " "), err, said.String())
	}
	var out map[string]any
	if len(printed) > 0 {
		if err := json.Unmarshal(printed, &out); err != nil {
			c.t.Fatalf("aws %s printed no JSON: %v", strings.Join(arguments, " "), err)
		}
	}
	return out
}

func (c *cloud) password(label string) string {
	c.t.Helper()
	text, _ := c.Value(secretName, label)
	var account struct{ Password string }
	if err := json.Unmarshal([]byte(text), &account); err != nil {
		c.t.Fatalf("the value of %s is no document: %v", label, err)
	}
	return account.Password
}

func (c *cloud) rotated(times int) {
	c.t.Helper()
	equal(c.t, "the password that the service accepts", c.account.password, c.password("AWSCURRENT"))
	equal(c.t, "passwords that the service was given", len(c.account.passwords), times)
	if p := c.password("AWSPREVIOUS"); p == c.account.password || p == "" {
		c.t.Errorf("AWSPREVIOUS has the current password, or none")
	}
	if v := c.VersionID(secretName, "AWSPENDING"); v != "" && v != c.VersionID(secretName, "AWSCURRENT") {
		c.t.Errorf("AWSPENDING is on %s, which is not current", v)
	}
	events := c.Events(secretName)
	equal(c.t, "the last event", events[len(events)-1].Name, "RotationSucceeded")
}

func TestARotationFunctionOfAnotherKindRotates(t *testing.T) {
	c := newCloud(t)
	c.aws("rotate-secret", "--secret-id", secretName, "--rotation-lambda-arn", functionARN, "--rotation-rules", `{"AutomaticallyAfterDays":30}`)
	c.Wait()
	c.rotated(1)
	equal(t, "the password before", c.password("AWSPREVIOUS"), "first")
	described := c.aws("describe-secret", "--secret-id", secretName)
	equal(t, "RotationEnabled", described["RotationEnabled"], any(true))

	c.aws("rotate-secret", "--secret-id", secretName)
	c.Wait()
	c.rotated(2)
}

func TestARotationFunctionOfAnotherKindSurvivesItsDeath(t *testing.T) {
	for _, row := range []struct {
		name  string
		death func(c *cloud)
	}{
		{"between createSecret and setSecret", func(c *cloud) {
			c.AddFunction(functionARN, func(ctx context.Context, event []byte) error {
				if strings.Contains(string(event), `"setSecret"`) {
					c.f.kill()
					c.AddFunction(functionARN, c.f.invoke)
				}
				return c.f.invoke(ctx, event)
			})
		}},
		{"after the service has the new password", func(c *cloud) { c.account.onChange = c.f.kill }},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newCloud(t)
			row.death(c)
			c.EnableRotation(secretName, functionARN)
			err := c.Rotate(t.Context(), secretName)
			var failed *secretsmanagertest.StepError
			if !errors.As(err, &failed) {
				t.Fatalf("a function that dies: got error %v, want a failed step", err)
			}
			pending := c.password("AWSPENDING")
			if err := c.Attempt(t.Context(), secretName); err != nil {
				t.Fatalf("the attempt after that: %v", err)
			}
			c.rotated(1)
			equal(t, "the password that was created before the death is the one", c.password("AWSCURRENT"), pending)
		})
	}
}

func TestAWSCommandLineOperatesSecrets(t *testing.T) {
	c := newCloud(t)
	made := c.aws("create-secret", "--name", "cli/one", "--secret-string", `{"a":1}`, "--description", "by the command line", "--tags", "Key=team,Value=orders")
	equal(t, "its name", made["Name"], any("cli/one"))
	c.aws("put-secret-value", "--secret-id", "cli/one", "--secret-string", `{"a":2}`)
	c.aws("update-secret", "--secret-id", "cli/one", "--description", "changed")
	equal(t, "the value", c.aws("get-secret-value", "--secret-id", "cli/one")["SecretString"], any(`{"a":2}`))
	if before, _ := c.Value("cli/one", "AWSPREVIOUS"); before != `{"a":1}` {
		t.Errorf("AWSPREVIOUS: got %s", before)
	}
	found := c.aws("list-secrets", "--filters", "Key=tag-key,Values=team", "Key=name,Values=!shop")["SecretList"].([]any)
	equal(t, "secrets found by a tag", len(found), 1)
	batch := c.aws("batch-get-secret-value", "--secret-id-list", "cli/one", "cli/absent")
	equal(t, "values", len(batch["SecretValues"].([]any)), 1)
	equal(t, "errors", len(batch["Errors"].([]any)), 1)
	password, _ := c.aws("get-random-password", "--password-length", "20", "--exclude-punctuation")["RandomPassword"].(string)
	equal(t, "characters of the password", len(password), 20)

	versions := c.aws("list-secret-version-ids", "--secret-id", "cli/one")["Versions"].([]any)
	equal(t, "versions", len(versions), 2)
	now, before := c.VersionID("cli/one", "AWSCURRENT"), c.VersionID("cli/one", "AWSPREVIOUS")
	c.aws("update-secret-version-stage", "--secret-id", "cli/one", "--version-stage", "AWSCURRENT", "--move-to-version-id", before, "--remove-from-version-id", now)
	equal(t, "AWSCURRENT after a rollback", c.VersionID("cli/one", "AWSCURRENT"), before)
	c.aws("delete-secret", "--secret-id", "cli/one")
	c.aws("restore-secret", "--secret-id", "cli/one")
	if labels := c.Labels("cli/one"); !slices.Contains(labels[before], "AWSCURRENT") {
		t.Errorf("labels after it was restored: %v", labels)
	}
}
