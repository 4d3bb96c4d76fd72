package rpc

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// row is a message of a codec of our own.
type row struct{ v []float32 }

func (r *row) CopyFrom(src any) error {
	s, ok := src.(*row)
	if !ok {
		return fmt.Errorf("%T is no row", src)
	}
	r.v = slices.Clone(s.v)
	return nil
}

func TestCopier(t *testing.T) {
	t.Parallel()
	src := &row{[]float32{1, 2}}
	c, err := cloneMessage(src)
	if err != nil {
		t.Fatal(err)
	}
	src.v[0] = 9
	var dst row
	if err := moveMessage(&dst, c); err != nil || dst.v[0] != 1 {
		t.Errorf("%v, %v", dst, err)
	}
	if err := copyMessage(&dst, wrapperspb.Int32(1)); err == nil {
		t.Error("copied a message of another type")
	}
}

func TestCopyMessage(t *testing.T) {
	t.Parallel()
	dst := wrapperspb.Bytes([]byte("old"))
	if err := copyMessage(dst, wrapperspb.Bytes(nil)); err != nil || len(dst.Value) != 0 {
		t.Errorf("what was there shines through: %v, %v", dst, err)
	}
	if err := copyMessage(dst, structpb.NewNullValue()); err == nil {
		t.Error("copied a message of another type")
	}
	if err := copyMessage(dst, 7); err == nil {
		t.Error("copied an int")
	}
	if _, err := cloneMessage(7); err == nil {
		t.Error("cloned an int")
	}
}
