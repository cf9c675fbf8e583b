package campaign

import (
	"context"
	"encoding/json"
	"errors"

	"pingrotate/rotation"
)

// A Call asks the function for an action and returns its report as JSON. The report says
// how the action went; an error means that there is no report. After an error that wraps
// [ErrUnknown], the action may or may not have been carried out.
type Call func(ctx context.Context, a rotation.Action) (json.RawMessage, error)

// ErrUnknown is in the error of a call whose answer was lost. Every action may be repeated:
// a rotation with the same ClientRequestToken, any other as it is.
var ErrUnknown = errors.New("it is not known whether it was carried out")

// ErrAtLimit is in the error of a call that did not begin because too many others were
// running.
var ErrAtLimit = errors.New("too many invocations run at once")

// ErrUnreachable is in the error of a call that was never sent because no connection could
// be made.
var ErrUnreachable = errors.New("no connection")
