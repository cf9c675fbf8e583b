package playground

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pingrotate/internal/runtimetest"
	"pingrotate/internal/statestest"
)

// A Cloud is a stand-in of the AWS services that the operator's commands need besides
// Secrets Manager, at one address: Lambda's Invoke, FilterLogEvents of CloudWatch Logs,
// STS's GetCallerIdentity, and Step Functions as far as package statestest goes. It refuses
// everything else. Requests and replies have the forms of the API references. A page of log
// events covers few lines, so that callers have to follow the token, as they do with the
// real service.
type Cloud struct {
	// Invoke invokes the function through a qualifier, which is an alias or "". Nil if
	// there is no function.
	Invoke  func(ctx context.Context, qualifier string, event []byte) ([]byte, error)
	Aliases []string               // that the function has; any other qualifier is not found
	States  *statestest.Server     // nil if there are no state machines
	Lines   func() []LogLine       // of the function's log
	Show    func(operation string) // called for each call

	Settings map[string]string // variables of the function's environment

	http     *http.Server
	listener net.Listener
}

// deniedKey is the access key id of a caller who may do nothing.
const deniedKey = "denied"

// statesPrefix is the prefix of Step Functions' operations in X-Amz-Target.
const statesPrefix = "AWSStepFunctions."

const (
	sandboxAccount = "123456789012"
	sandboxCaller  = "arn:aws:iam::" + sandboxAccount + ":user/sandbox"
	sandboxGroup   = "/aws/lambda/" + runtimetest.FunctionName
)

// Start serves at the address.
func (c *Cloud) Start(addr string) (err error) {
	if c.listener, err = net.Listen("tcp", addr); err != nil {
		return fmt.Errorf("listen for Lambda: %w", err)
	}
	c.http = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go c.http.Serve(c.listener)
	return nil
}

// URL returns the base URL of the services.
func (c *Cloud) URL() string { return localURL(c.listener.Addr().String()) }

// Close stops serving.
func (c *Cloud) Close() {
	if c.http != nil {
		c.http.Close()
	}
}

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[a-z0-9-]+/([a-z]+)/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$`)

var invocationPath = regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/invocations$`)

var configurationPath = regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/configuration$`)

// serveConfiguration answers as "GetFunctionConfiguration" in the Lambda API reference
// says, with only what the command reads.
func (c *Cloud) serveConfiguration(w http.ResponseWriter, function string) {
	if name, err := url.PathUnescape(function); err == nil {
		function = name
	}
	if c.Settings == nil || function != runtimetest.FunctionName && function != runtimetest.FunctionARN {
		refuseREST(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:"+sandboxAccount+":function:"+function)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"FunctionName": runtimetest.FunctionName, "FunctionArn": runtimetest.FunctionARN,
		"Environment": map[string]any{"Variables": c.Settings},
	})
}

func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 7<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	signed := signature.FindStringSubmatch(r.Header.Get("Authorization"))
	target, action := r.Header.Get("X-Amz-Target"), ""
	if form, err := url.ParseQuery(string(body)); err == nil {
		action = form.Get("Action")
	}
	path := invocationPath.FindStringSubmatch(r.URL.EscapedPath())
	switch {
	case signed == nil:
		refuseREST(w, http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
	case signed[1] == deniedKey:
		c.refuseDenied(w, signed[2])
	case r.Method == http.MethodPost && path != nil && signed[2] == "lambda":
		c.Show("lambda Invoke")
		c.serveInvoke(w, r, path[1], body)
	case r.Method == http.MethodGet && configurationPath.MatchString(r.URL.EscapedPath()) && signed[2] == "lambda":
		c.Show("lambda GetFunctionConfiguration")
		c.serveConfiguration(w, configurationPath.FindStringSubmatch(r.URL.EscapedPath())[1])
	case r.Method == http.MethodPost && strings.HasPrefix(target, statesPrefix) && signed[2] == "states":
		operation := strings.TrimPrefix(target, statesPrefix)
		c.Show("states " + operation)
		if c.States == nil {
			refuseREST(w, http.StatusBadRequest, "StateMachineDoesNotExist", "State Machine Does Not Exist")
			return
		}
		c.States.Serve(w, operation, body)
	case r.Method == http.MethodPost && target == "Logs_20140328.FilterLogEvents" && signed[2] == "logs":
		c.Show("logs FilterLogEvents")
		c.serveLogs(w, body)
	case r.Method == http.MethodPost && action == "GetCallerIdentity" && signed[2] == "sts":
		c.Show("sts GetCallerIdentity")
		serveIdentity(w)
	default:
		refuseREST(w, http.StatusBadRequest, "UnknownOperationException", "the sandbox plays only Invoke, FilterLogEvents, GetCallerIdentity and some of Step Functions")
	}
}

// refuseREST refuses as services with a JSON protocol do.
func refuseREST(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": message, "Message": message, "Type": "User"})
}

// refuseDenied refuses a caller without permissions, in the protocol of the service.
func (c *Cloud) refuseDenied(w http.ResponseWriter, service string) {
	const message = "User: " + sandboxCaller + " is not authorized to perform this action"
	if service != "sts" {
		refuseREST(w, http.StatusForbidden, "AccessDeniedException", message)
		return
	}
	type refusal struct {
		Type, Code, Message string
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusForbidden)
	xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Error   refusal
	}{Error: refusal{"Sender", "AccessDenied", message}})
}

// invoked matches what callers give as FunctionName: a name or an ARN, with or without a
// qualifier.
var invoked = regexp.MustCompile(`^(arn:aws:lambda:us-east-1:` + sandboxAccount + `:function:)?([A-Za-z0-9_-]+)(?::(\$LATEST|[A-Za-z0-9_-]+))?$`)

// serveInvoke answers as "Invoke" in the Lambda API reference says, for synchronous
// invocations.
func (c *Cloud) serveInvoke(w http.ResponseWriter, r *http.Request, path string, event []byte) {
	if name, err := url.PathUnescape(path); err == nil {
		path = name
	}
	query := r.URL.Query()
	function, qualifier := path, query.Get("Qualifier")
	query.Del("Qualifier")
	if m := invoked.FindStringSubmatch(path); m != nil {
		function, qualifier = m[2], cmp.Or(qualifier, m[3])
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	switch {
	case c.Invoke == nil || function != runtimetest.FunctionName || qualifier != "" && !slices.Contains(c.Aliases, qualifier):
		arn := "arn:aws:lambda:us-east-1:" + sandboxAccount + ":function:" + function
		if qualifier != "" {
			arn += ":" + qualifier
		}
		refuseREST(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+arn)
		return
	case kind != "" && kind != "RequestResponse" || len(query) > 0:
		refuseREST(w, http.StatusBadRequest, "InvalidParameterValueException", "the sandbox plays only synchronous invocations")
		return
	case !json.Valid(event):
		refuseREST(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}
	// An invocation continues when the caller hangs up, as it does on Lambda.
	answer, err := c.Invoke(context.WithoutCancel(r.Context()), qualifier, event)
	if err != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		answer = invocationFailure(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	w.Write(answer)
}

// invocationFailure returns the payload of a failed invocation. What the function reported
// is passed on as it is.
func invocationFailure(err error) []byte {
	kind, message := "Runtime.ExitError", "Error: "+err.Error()
	if reported, ok := errors.AsType[*runtimetest.FunctionError](err); ok {
		kind, message = reported.Type, reported.Message
	} else if errors.Is(err, runtimetest.ErrTimedOut) {
		kind, message = "Sandbox.Timedout", "Error: Task timed out after 300.00 seconds"
	}
	answer, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		panic(err) // two strings
	}
	return answer
}

// LinesPerPage is how many lines one call of FilterLogEvents searches.
const LinesPerPage = 100

// serveLogs answers as "FilterLogEvents" in the CloudWatch Logs API reference says.
func (c *Cloud) serveLogs(w http.ResponseWriter, body []byte) {
	var in struct {
		LogGroupName  string `json:"logGroupName"`
		FilterPattern string `json:"filterPattern"`
		NextToken     string `json:"nextToken"`
		StartTime     int64  `json:"startTime"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		refuseREST(w, http.StatusBadRequest, "InvalidParameterException", err.Error())
		return
	}
	passes, err := filterPattern(in.FilterPattern)
	from, bad := 0, error(nil)
	if in.NextToken != "" {
		from, bad = strconv.Atoi(in.NextToken)
	}
	lines := c.Lines()
	switch {
	case in.LogGroupName != sandboxGroup:
		refuseREST(w, http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
		return
	case err != nil || bad != nil || from < 0 || from > len(lines):
		refuseREST(w, http.StatusBadRequest, "InvalidParameterException", "Invalid filter pattern or token")
		return
	}
	type event struct {
		LogStreamName string `json:"logStreamName"`
		Timestamp     int64  `json:"timestamp"`
		IngestionTime int64  `json:"ingestionTime"`
		Message       string `json:"message"`
		EventID       string `json:"eventId"`
	}
	out := struct {
		Events    []event `json:"events"`
		NextToken string  `json:"nextToken,omitempty"`
	}{Events: []event{}}
	to := min(from+LinesPerPage, len(lines))
	for i, line := range lines[from:to] {
		if ms := line.At.UnixMilli(); ms >= in.StartTime && passes(line.Text) {
			out.Events = append(out.Events, event{"sandbox", ms, ms, line.Text, strconv.Itoa(from + i)})
		}
	}
	if to < len(lines) {
		out.NextToken = strconv.Itoa(to)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(out)
}

var patternTerm = regexp.MustCompile(`^\(\$\.([A-Za-z]+) = "([^"]*)"\)$`)

// filterPattern parses the part of CloudWatch Logs' pattern language that the command
// writes: { ($.field = "value") || ... }.
func filterPattern(pattern string) (func(line string) bool, error) {
	inner, opened := strings.CutPrefix(pattern, "{ ")
	inner, closed := strings.CutSuffix(inner, " }")
	if !opened || !closed {
		return nil, errors.New("not a pattern that the sandbox knows")
	}
	type equality struct{ field, value string }
	var terms []equality
	for _, part := range strings.Split(inner, " || ") {
		m := patternTerm.FindStringSubmatch(part)
		if m == nil {
			return nil, errors.New("not a pattern that the sandbox knows")
		}
		terms = append(terms, equality{m[1], m[2]})
	}
	return func(line string) bool {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			return false
		}
		for _, e := range terms {
			if fields[e.field] == e.value {
				return true
			}
		}
		return false
	}, nil
}

// serveIdentity answers as "GetCallerIdentity" in the STS API reference says.
func serveIdentity(w http.ResponseWriter) {
	type result struct {
		Arn, UserId, Account string
	}
	w.Header().Set("Content-Type", "text/xml")
	xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
		Result  result   `xml:"GetCallerIdentityResult"`
	}{Result: result{sandboxCaller, "AIDASANDBOX", sandboxAccount}})
}
