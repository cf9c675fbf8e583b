package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pingrotate/internal/lazyregexp"
	"pingrotate/internal/remedy"
)

// OperateAlias is the alias of the function through which alone it takes actions. The
// unqualified function takes the steps of Secrets Manager and nothing else: attaching a
// secret needs the right to invoke that one, which must not be the right to end a secret of
// another team.
const OperateAlias = "operate"

// An entrance is the way by which an event reached the rotator. Its zero value is a
// process that acts with its caller's own rights, and takes everything.
type entrance int

const (
	inProcess       entrance = iota
	unqualified              // the function's ARN, without a version or alias
	throughOperate           // the alias operate
	throughAnother           // a version, $LATEST or an alias that is not operate
	throughEmulator          // sam local, which knows no aliases
)

// invokedARN is the ARN by which Lambda says that a function was invoked. See "Resources
// and conditions for Lambda actions" in the Lambda developer guide.
var invokedARN = lazyregexp.New(`^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+)(?::(\$LATEST|[A-Za-z0-9_-]+))?$`)

// Invoke carries out an event that Lambda has delivered, by the ARN with which the caller
// invoked the function: steps by the function's ARN alone, actions through the alias
// operate alone. Anything else is refused before anything is read. Otherwise it is
// [Rotator.Handle]. FunctionARN, where it is empty, becomes that of the invoked function.
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
	if r.FunctionARN != m[1] { // a process is of one function
		err := errors.New("read the invocation: it is of another function, " + m[1])
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

// admitsActions returns why an action is refused; nil if it is not.
func (r *Rotator) admitsActions(way entrance) error {
	switch way {
	case inProcess, throughOperate, throughEmulator:
		return nil
	}
	return remedy.With(errors.New("actions are taken only through the alias "+OperateAlias+" of the function"),
		"invoke "+functionName(r.FunctionARN)+":"+OperateAlias+"; a pingrotate older than the function does not: upgrade it with make install")
}

// admitsSteps returns why a step is refused; nil if it is not.
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

// qualified returns an error for a secret that names this function with a version or an
// alias: the role lets the function touch none that does not name it by its ARN alone, and
// it takes no step of such a rotation.
func (r *Rotator) qualified(function string) error {
	if r.FunctionARN == "" || !strings.HasPrefix(function, r.FunctionARN+":") {
		return nil
	}
	return remedy.With(fmt.Errorf("the secret is attached to %s, and not to the function without version or alias", function), attachTo(r.FunctionARN))
}
