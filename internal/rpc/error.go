package rpc

import (
	"context"
	"errors"
	"io"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/internal/param"
)

var (
	// ErrInUse says that the address to listen on is taken. The text names it.
	ErrInUse = errors.New("address already in use")
	// ErrKilled is what Server.Run returns after Server.Kill.
	ErrKilled = errors.New("server killed")
)

// domain marks the details of our own errors among those of other software.
const domain = "parley"

// kinds gives each kind its gRPC code, for tools and proxies that know nothing
// of kinds, and the name under which it travels in the details.
var kinds = map[param.Kind]struct {
	code   codes.Code
	reason string
}{
	param.Unknown:   {codes.Unknown, "UNKNOWN"},
	param.Retryable: {codes.Unavailable, "RETRYABLE"},
	param.Stale:     {codes.FailedPrecondition, "STALE"},
	param.NotOwner:  {codes.NotFound, "NOT_OWNER"},
	param.Invalid:   {codes.InvalidArgument, "INVALID"},
	param.Corrupt:   {codes.DataLoss, "CORRUPT"},
	param.Diverged:  {codes.OutOfRange, "DIVERGED"},
	param.Full:      {codes.ResourceExhausted, "FULL"},
}

// byCode gives the kinds of errors that come without details: from gRPC itself
// or from something between the peers.
var byCode = map[codes.Code]param.Kind{
	codes.Unavailable:      param.Retryable,
	codes.DeadlineExceeded: param.Retryable,
	codes.Aborted:          param.Retryable,
	codes.InvalidArgument:  param.Invalid,
	codes.Unimplemented:    param.Invalid, // a peer of another version, or no Parley at all
	// In grpc-go this is a message beyond MaxMessage: it stays too large.
	codes.ResourceExhausted: param.Invalid,
	codes.PermissionDenied:  param.Invalid,
	codes.Unauthenticated:   param.Invalid,
	codes.DataLoss:          param.Corrupt,
}

// Error turns a handler's error into the one that travels: a gRPC status with
// err's text and, in its details, err's kind. An error that has a status and no
// kind keeps its status; context errors keep their code. Servers of this package
// apply it to all that handlers return; io.EOF and nil pass.
func Error(err error) error {
	var kinded *param.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kinded):
		return withKind(kinded.Kind, err.Error())
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error())
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return withKind(param.Unknown, err.Error())
}

// withKind returns the status error of kind k.
func withKind(k param.Kind, message string) error {
	w, ok := kinds[k]
	if !ok {
		w = kinds[param.Unknown]
	}
	st, err := status.New(w.code, message).WithDetails(&errdetails.ErrorInfo{Domain: domain, Reason: w.reason})
	if err != nil { // cannot be: the details marshal and the code is not OK
		return status.Error(w.code, message)
	}
	return st.Err()
}

// FromError turns the error of a call into a *param.Error with the kind and the
// text that the peer gave. Without a kind from the peer, Unavailable,
// DeadlineExceeded and Aborted become Retryable. status.Code still works on the
// result, and errors.Is tells context.Canceled and context.DeadlineExceeded.
// nil and io.EOF (the regular end of a stream) stay as they are. Connections of
// this package apply it to every call.
func FromError(err error) error {
	if err == nil || err == io.EOF { // grpc never wraps it
		return err
	}
	var kinded *param.Error
	if errors.As(err, &kinded) {
		return err
	}
	st := status.Convert(err)
	if _, ok := status.FromError(err); !ok {
		st = status.FromContextError(err)
	}
	return &param.Error{Kind: kindOf(st), Err: &callError{st}}
}

// kindOf reads the kind from the details of st, or guesses it from the code.
func kindOf(st *status.Status) param.Kind {
	for _, d := range st.Details() {
		info, ok := d.(*errdetails.ErrorInfo)
		if !ok || info.Domain != domain {
			continue
		}
		for k, w := range kinds {
			if w.reason == info.Reason {
				return k
			}
		}
	}
	return byCode[st.Code()]
}

// callError is the error below the param.Error that FromError returns. Its text
// is the message alone.
type callError struct{ st *status.Status }

func (e *callError) Error() string              { return e.st.Message() }
func (e *callError) GRPCStatus() *status.Status { return e.st }

// Is tells the context errors, which gRPC replaces by its own.
func (e *callError) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.st.Code() == codes.Canceled
	case context.DeadlineExceeded:
		return e.st.Code() == codes.DeadlineExceeded
	}
	return false
}
