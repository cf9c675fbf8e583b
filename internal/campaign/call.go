package campaign

import (
	"context"
	"encoding/json"
	"errors"

	"pingrotate/rotation"
)

// A Call asks the function for an action and returns its report as JSON. How the
// action went is in the report; an error means that there is no report. An error that
// wraps [ErrUnknown] leaves open whether the action was carried out.
type Call func(ctx context.Context, a rotation.Action) (json.RawMessage, error)

// ErrUnknown is in the error of a call whose answer was lost. Every action may be
// repeated: a rotation with its ClientRequestToken, the others as they are.
var ErrUnknown = errors.New("it is not known whether it was carried out")

// ErrAtLimit is in the error of a call that did not begin, because too many others
// were running.
var ErrAtLimit = errors.New("too many invocations run at once")

// ErrUnreachable is in the error of a call that was never sent, because no connection
// could be made.
var ErrUnreachable = errors.New("no connection")
