package registertest

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"

	"pingrotate/internal/fault"
)

// The service's messages.
const (
	msgNoTable      = "Requested resource not found"
	msgNoNamedTable = "Requested resource not found: Table: %s not found"
	msgTableExists  = "Table already exists: %s"
	msgCondition    = "The conditional request failed"
	msgKeySchema    = "The provided key element does not match the schema"
	msgKeyMissing   = "One or more parameter values were invalid: Missing the key %s in the item"
	msgKeyType      = "One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s"
	msgKeyEmpty     = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s"
	msgKeySize      = "One or more parameter values were invalid: Size of %s has exceeded the maximum size limit of %d bytes"
	msgItemSize     = "Item size has exceeded the maximum allowed size"
	msgCancelled    = "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]"
)

// The prefixes of error codes on the wire. Callers must use what follows the #.
const (
	ofService = "com.amazonaws.dynamodb.v20120810#"
	ofFrame   = "com.amazon.coral.service#"
)

var words = fault.Words{
	Throttled:   refusal(refuse("ThrottlingException", "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly.")),
	Unavailable: answer(http.StatusServiceUnavailable, &wireError{Type: ofFrame + "ServiceUnavailableException", Text: "The service is currently unavailable or busy."}),
	Denied:      refusal(refuse("AccessDeniedException", "User is not authorized to perform this operation because no identity-based policy allows it")),
}

// wireError is a refusal as it goes over the wire.
type wireError struct {
	Type    string   `json:"__type"`
	Text    string   `json:"message"`
	Item    item     `json:"Item,omitempty"`
	Reasons []reason `json:"CancellationReasons,omitempty"`
}

// A reason says why a part of a transaction was not carried out.
type reason struct {
	Code    string
	Message string `json:",omitempty"`
	Item    item   `json:",omitempty"`
}

func (e *wireError) Error() string { return e.Type + ": " + e.Text }

var ofFramework = map[string]bool{
	"AccessDeniedException": true, "ValidationException": true, "SerializationException": true,
	"MissingAuthenticationTokenException": true, "UnknownOperationException": true,
}

func refuse(code, format string, args ...any) error {
	prefix := ofService
	if ofFramework[code] {
		prefix = ofFrame
	}
	return &wireError{Type: prefix + code, Text: fmt.Sprintf(format, args...)}
}

// refusal returns the reply to a caller's mistake. The service answers every such error
// with status 400.
func refusal(err error) fault.Reply { return answer(http.StatusBadRequest, err) }

// answer returns a complete reply, with the checksum by which the SDK knows that it arrived
// as it was sent.
func answer(status int, body any) fault.Reply {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // every output is a struct of strings, numbers and values
	}
	return fault.Reply{Status: status, Body: encoded, Header: http.Header{
		"Content-Type":     {contentType},
		"X-Amzn-Requestid": {newID()},
		"X-Amz-Crc32":      {strconv.FormatUint(uint64(crc32.ChecksumIEEE(encoded)), 10)},
	}}
}
