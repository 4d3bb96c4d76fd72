package rpc

import (
	"reflect"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Copier is implemented by messages that are not protocol buffers (those of a
// codec of ours), by pointer, so that they can cross an InProcess network.
type Copier interface {
	// CopyFrom makes the receiver a deep copy of src, which has the same type:
	// neither may share memory with the other afterwards.
	CopyFrom(src any) error
}

// copyMessage makes dst a deep copy of src.
func copyMessage(dst, src any) error {
	if c, ok := dst.(Copier); ok {
		return c.CopyFrom(src)
	}
	d, ok := dst.(proto.Message)
	s, ok2 := src.(proto.Message)
	if !ok || !ok2 {
		return status.Errorf(codes.Internal, "cannot copy a %T to a %T: neither protocol buffers nor rpc.Copier", src, dst)
	}
	if d.ProtoReflect().Descriptor() != s.ProtoReflect().Descriptor() {
		return status.Errorf(codes.Internal, "cannot copy a %T to a %T", src, dst)
	}
	proto.Reset(d)
	proto.Merge(d, s)
	return nil
}

// cloneMessage returns a deep copy of m.
func cloneMessage(m any) (any, error) {
	if c, ok := m.(Copier); ok {
		fresh := reflect.New(reflect.TypeOf(c).Elem()).Interface().(Copier)
		return fresh, fresh.CopyFrom(m)
	}
	if p, ok := m.(proto.Message); ok {
		return proto.Clone(p), nil
	}
	return nil, status.Errorf(codes.Internal, "cannot copy a %T: neither a protocol buffer nor an rpc.Copier", m)
}

// moveMessage gives dst the contents of src, which nobody else holds: a second
// deep copy of a megabyte would cost more than all the rest of a call.
func moveMessage(dst, src any) error {
	d, s := reflect.ValueOf(dst), reflect.ValueOf(src)
	if d.Kind() != reflect.Pointer || d.Type() != s.Type() {
		return copyMessage(dst, src)
	}
	d.Elem().Set(s.Elem())
	return nil
}
