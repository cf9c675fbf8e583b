package playground

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestEventFilesFitTheSandbox(t *testing.T) {
	read := func(name string, into any) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "events", name))
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, step := range map[string]string{"create": "createSecret", "set": "setSecret", "test": "testSecret", "finish": "finishSecret"} {
		var got struct{ Step, SecretId, ClientRequestToken, RotationToken string }
		read(name+".json", &got)
		want := got
		want.Step, want.SecretId, want.ClientRequestToken, want.RotationToken = step, OrdersARN, EventToken, EventRotationToken
		if got != want {
			t.Errorf("%s.json: got %v, want %v", name, got, want)
		}
	}
	var env struct{ RotatorFunction map[string]string }
	read("env.json", &env)
	for _, v := range Fixed("host.docker.internal").Endpoints().Function() {
		if got := env.RotatorFunction[v.Name]; got != v.Value {
			t.Errorf("env.json: %s: got %q, want %q", v.Name, got, v.Value)
		}
	}
}
