package rpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"parley/internal/wire"
)

// Exchanger serves streams of wire.Frames: requests come in, replies go out.
type Exchanger interface {
	Exchange(stream grpc.ServerStream) error
}

// exchangeService is the service of the data plane. It is not in a .proto file as its
// messages are frames.
var exchangeService = grpc.ServiceDesc{
	ServiceName: "parley.v1.Exchange",
	HandlerType: (*Exchanger)(nil),
	Streams: []grpc.StreamDesc{{StreamName: "Exchange", ServerStreams: true, ClientStreams: true,
		Handler: func(srv any, stream grpc.ServerStream) error { return srv.(Exchanger).Exchange(stream) }}},
}

// RegisterExchange adds the data plane to a server.
func RegisterExchange(r grpc.ServiceRegistrar, e Exchanger) { r.RegisterService(&exchangeService, e) }

// OpenExchange opens a stream to an Exchanger; SendMsg and RecvMsg take a
// *wire.Frame. It ends with ctx.
func OpenExchange(ctx context.Context, conn grpc.ClientConnInterface) (grpc.ClientStream, error) {
	return conn.NewStream(ctx, &exchangeService.Streams[0], "/parley.v1.Exchange/Exchange", grpc.CallContentSubtype(frames{}.Name()))
}

func init() { encoding.RegisterCodecV2(frames{}) }

// frames is the codec of Exchange. gRPC hands over what has arrived in pieces of
// 16 KB, and reuses them: a frame is put together by one copy, and checked by the
// way. What is sent is not copied here.
type frames struct{}

// Name implements encoding.CodecV2.
func (frames) Name() string { return "parley" }

// Marshal implements encoding.CodecV2.
func (frames) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*wire.Frame)
	if !ok {
		return nil, notFrame(v)
	}
	segments, err := f.Encode()
	if err != nil {
		return nil, Error(err)
	}
	out := make(mem.BufferSlice, len(segments))
	for i, s := range segments {
		out[i] = mem.NewBuffer(s.Data, s.Home)
	}
	return out, nil
}

// Unmarshal implements encoding.CodecV2.
func (frames) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*wire.Frame)
	if !ok {
		return notFrame(v)
	}
	f.Begin(data.Len())
	for _, b := range data {
		f.Piece(b.ReadOnlyData())
	}
	f.End() // an error from here would lose its kind
	return nil
}

func notFrame(v any) error {
	return status.Errorf(codes.Internal, "%T is no frame of the data plane", v)
}
