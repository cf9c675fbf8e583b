package fault

import "fmt"

// Call names one call to a service.
type Call struct {
	Service   string // "pingone" or "secretsmanager"
	Operation string // "POST application secret", "PutSecretValue"
	Target    string // the application, client or secret that it concerns; never a credential
	Trace     string // the caller's name for the call or for itself, if it sent one
	N         int    // 1 for the first call that this service received
	Lag       Lag    // how far behind the state is that the call sees
	Repeat    bool   // the call is applied once more, or later than it was sent
}

// String returns the call in one line, for a transcript.
func (c Call) String() string {
	line := fmt.Sprintf("%s #%d %s %s", c.Service, c.N, c.Operation, c.Target)
	if c.Lag != (Lag{}) {
		line += " (" + c.Lag.String() + ")"
	}
	return line
}
