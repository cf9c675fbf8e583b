// Package awsjson is the JSON protocol of AWS's services, as their stand-ins receive it.
// See AWS JSON 1.0 and 1.1 in the Smithy specification, and "Signature Version 4" in the
// IAM User Guide.
package awsjson

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// A Protocol is how one service is called.
type Protocol struct {
	Service     string // as a signature names it
	Prefix      string // of an operation in X-Amz-Target, such as "secretsmanager."
	ContentType string
	Unsigned    string // the service's answer to an unsigned request

	// Refuse returns an error in the service's own form.
	Refuse func(code, format string, args ...any) error
}

// A Call is what the headers of a request say.
type Call struct{ AccessKey, Region, Operation string }

var credential = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$`)

// Open reads a request's headers and refuses what no client of the service sends. It does
// not verify the signature: a stand-in has no keys.
func (p Protocol) Open(r *http.Request, known func(operation string) bool) (Call, error) {
	signed := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), p.Prefix)
	switch {
	case signed == nil || signed[3] != p.Service:
		return Call{}, p.Refuse("MissingAuthenticationTokenException", "%s", p.Unsigned)
	case r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("Content-Type") != p.ContentType:
		return Call{}, p.Refuse("SerializationException", "want POST / with content type %s", p.ContentType)
	case !ok || !known(operation):
		return Call{}, p.Refuse("UnknownOperationException", "no action %q", r.Header.Get("X-Amz-Target"))
	}
	return Call{signed[1], signed[2], operation}, nil
}

// Decode decodes an operation's input. It refuses a field that the stand-in does not know:
// silently ignored, it would make a test pass for no reason.
func (p Protocol) Decode(body []byte, in any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return p.Refuse("SerializationException", "%v", err)
	}
	return nil
}
