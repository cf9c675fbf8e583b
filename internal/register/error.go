package register

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pingrotate/internal/awsclient"
)

// A Problem is a kind of failure with one remedy.
type Problem int

const (
	OutOfReach Problem = iota // no usable answer, or an error of the service
	Throttled                 // the service asks to slow down
	Denied                    // the caller may not do this, or is unknown
	NoName                    // the setting with the table's name is empty
	NoTable                   // there is no table of that name in the account and Region
	OtherTable                // the table has other keys, so it is not the register
	Newer                     // the item was written by a newer program
	Foreign                   // the item was not written by this program
	TooLarge                  // the item is larger than the service keeps
)

var problems = [...]string{
	"no usable answer", "throttled", "access denied", "no table name", "no such table", "the table has other keys",
	"the item was written by a newer version of this program", "the item was not written by this program", "the item is too large",
}

// String returns the problem in words.
func (p Problem) String() string { return problems[p] }

// An Error is a failed use of the register. Of what the service sent, it repeats only the
// code and the request's id.
type Error struct {
	Op        string // what was tried, such as "fetch the register's item of <environment>/<application>"
	Action    string // DynamoDB's name for it, such as "GetItem"; "" if nothing was sent
	Table     string
	Problem   Problem
	Code      string // DynamoDB's, such as ResourceNotFoundException; "" if none arrived
	RequestID string // what AWS's support asks for

	// Unconfirmed means that the write may have been carried out, or may still be. Send
	// nothing that relies on it.
	Unconfirmed bool

	cause error // of the caller's context, if that has ended
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", e.Op)
	if e.Table != "" {
		fmt.Fprintf(&b, " in table %s", e.Table)
	}
	fmt.Fprintf(&b, ": %s", e.Problem)
	if e.Code != "" {
		fmt.Fprintf(&b, ": DynamoDB answered %s", e.Code)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request id %s)", e.RequestID)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	if e.Unconfirmed {
		b.WriteString("; whether it was written is not known")
	}
	return b.String()
}

// Unwrap returns the error of the caller's context, if that has ended.
func (e *Error) Unwrap() error { return e.cause }

// Remedy says what to do, as a clause without a capital letter or a full stop.
func (e *Error) Remedy() string {
	switch e.Problem {
	case NoName:
		return "set " + TableVariable + " to the name of the stack's table, its output RegisterTable"
	case NoTable:
		return "check " + TableVariable + ", the account and the Region: the stack's table is its output RegisterTable; one that was deleted is restored from its point-in-time backup, or created again by deploying the stack"
	case OtherTable:
		return "set " + TableVariable + " to the stack's own table: it has the partition key " + partitionKey + " and the sort key " + sortKey + ", both strings"
	case Denied:
		return "allow dynamodb:" + e.Action + " on the table, and the use of its KMS key, to the caller: the function's role, or your own with --local; check that the credentials have not expired"
	case Throttled:
		return "try again in a minute; a table of the stack is on demand and is throttled only when many rotations start at once"
	case Newer:
		return "deploy the newest version of the function and use the command of the same version"
	case Foreign:
		return "give the stack a table for itself alone; if the item was edited, restore the table to a point in time before that"
	case TooLarge:
		return "report this as a fault of the program, with the item"
	}
	return "try again; if it lasts, check the network's route to DynamoDB and the AWS Health Dashboard"
}

// Unreachable reports whether the register could not be used: it is not configured, does
// not answer or refuses the caller. What it holds is then unknown. It is false for
// [ErrOvertaken], and for an item that is there but cannot be understood.
func Unreachable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Problem <= OtherTable
}

// Unusable reports whether the register could not be used for any reason, an item that is
// there but cannot be understood among them. It is false for an [ErrOvertaken].
func Unusable(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}

// An OvertakenError is an [ErrOvertaken] with the revision that was found. Its number is 0
// if the item is gone.
type OvertakenError struct{ Found Revision }

func (e *OvertakenError) Error() string { return ErrOvertaken.Error() }

// Unwrap returns [ErrOvertaken].
func (e *OvertakenError) Unwrap() error { return ErrOvertaken }

// failed describes a failed call, without the words of the reply.
func (t *Table) failed(ctx context.Context, op, action string, err error) *Error {
	e := &Error{Op: op, Action: action, Table: t.Name, cause: ctx.Err()}
	said, _ := awsclient.Refused(err)
	e.Code, e.RequestID = said.Code, said.RequestID
	switch e.Code {
	case "ResourceNotFoundException":
		e.Problem = NoTable
	case "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException",
		"IncompleteSignatureException", "MissingAuthenticationTokenException", "InvalidClientTokenId":
		e.Problem = Denied
	case "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "LimitExceededException",
		"TransactionCanceledException", "TransactionConflictException", "TransactionInProgressException": // another write of the item is under way
		e.Problem = Throttled
	case "ValidationException":
		// Everything this package sends is valid for a table with its keys.
		e.Problem = OtherTable
	}
	return e
}
