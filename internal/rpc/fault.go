package rpc

import (
	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

// Fault packs an error into a message; nil gives nil.
func Fault(err error) *parleyv1.Fault {
	if err == nil {
		return nil
	}
	return &parleyv1.Fault{Kind: int32(param.KindOf(err)), Message: err.Error()}
}

// FromFault is the inverse of Fault.
func FromFault(f *parleyv1.Fault) error {
	if f == nil {
		return nil
	}
	return param.Errorf(param.Kind(f.GetKind()), "%s", f.GetMessage())
}
