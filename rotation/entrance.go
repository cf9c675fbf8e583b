package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pingrotate/internal/lazyregexp"
	"pingrotate/internal/remedy"
)

// OperateAlias is the alias through which the function takes actions. Without an alias it
// takes Secrets Manager's steps and nothing else: attaching a secret requires the right to
// invoke the function without an alias, and that right must not include ending another
// team's secret.
const OperateAlias = "operate"

// An entrance is the way by which an event reached the rotator.
type entrance int

const (
	inProcess       entrance = iota // a process that has its caller's own rights; it takes everything
	unqualified                     // the function's ARN, without a version or alias
	throughOperate                  // the alias operate
	throughAnother                  // a version, $LATEST or an alias that is not operate
	throughEmulator                 // sam local, which has no aliases; it takes everything
)

// invokedARN matches the ARN by which the function was invoked, as Lambda reports it. See
// "Resources and conditions for Lambda actions" in the Lambda developer guide.
var invokedARN = lazyregexp.New(`^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+)(?::(\$LATEST|[A-Za-z0-9_-]+))?$`)

// Invoke carries out an event that Lambda delivered, as [Rotator.Handle] does, if the way
// by which the function was invoked admits it: the function's ARN admits only steps, the
// alias operate only actions, and any other version or alias nothing. A refused event
// causes no read. arn is the ARN by which the caller invoked the function. It also sets
// FunctionARN, if that is empty.
func (r *Rotator) Invoke(ctx context.Context, arn string, event []byte) (report any, err error) {
	m := invokedARN.FindStringSubmatch(arn)
	if m == nil {
		err := errors.New("read the invocation: Lambda did not say by which ARN the function was invoked")
		r.log().ErrorContext(ctx, "rotation action", "error", err.Error())
		return nil, err
	}
	r.nameOnce.Do(func() {
		if r.FunctionARN == "" {
			r.FunctionARN = m[1]
		}
	})
	if r.FunctionARN != m[1] { // a process belongs to one function
		err := errors.New("read the invocation: it is for another function, " + m[1])
		r.log().ErrorContext(ctx, "rotation action", "error", err.Error())
		return nil, err
	}
	way := unqualified
	switch qualifier := m[2]; {
	case qualifier == OperateAlias:
		way = throughOperate
	case qualifier != "":
		way = throughAnother
	case r.Settings.Emulated:
		way = throughEmulator
	}
	return r.handle(ctx, event, way)
}

// admitsActions returns why an action is refused, or nil.
func (r *Rotator) admitsActions(way entrance) error {
	switch way {
	case inProcess, throughOperate, throughEmulator:
		return nil
	}
	return remedy.With(errors.New("actions are taken only through the alias "+OperateAlias+" of the function"),
		"invoke "+functionName(r.FunctionARN)+":"+OperateAlias+"; a pingrotate older than the function does not: upgrade it with make install")
}

// admitsSteps returns why a step is refused, or nil.
func (r *Rotator) admitsSteps(way entrance) error {
	switch way {
	case inProcess, unqualified, throughEmulator:
		return nil
	}
	return remedy.With(errors.New("steps are taken only by the function's ARN without version or alias"), attachTo(r.FunctionARN))
}

// attachTo says how to attach a secret to the function.
func attachTo(functionARN string) string {
	return "attach the secret with aws secretsmanager rotate-secret --rotation-lambda-arn " + functionARN
}

// qualified returns an error if a secret is attached to this function by a version or an
// alias. The role allows the function only secrets that are attached by its plain ARN, and
// the function takes steps only through that ARN.
func (r *Rotator) qualified(function string) error {
	if r.FunctionARN == "" || !strings.HasPrefix(function, r.FunctionARN+":") {
		return nil
	}
	return remedy.With(fmt.Errorf("the secret is attached to %s, and not to the function without version or alias", function), attachTo(r.FunctionARN))
}
