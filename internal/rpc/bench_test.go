package rpc

import (
	"fmt"
	"testing"

	pb "google.golang.org/grpc/interop/grpc_testing"
)

func BenchmarkUnary(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		for name, make := range networks {
			b.Run(fmt.Sprintf("%s/%dKB", name, size>>10), func(b *testing.B) {
				net, addr := make()
				c := serve(b, net, addr, &service{unary: echoUnary}).client(b)
				req := &pb.SimpleRequest{Payload: payload(string(bytesOf(size)))}
				b.SetBytes(int64(2 * size))
				for b.Loop() {
					if _, err := c.UnaryCall(b.Context(), req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkStreamPingPong(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		for name, make := range networks {
			b.Run(fmt.Sprintf("%s/%dKB", name, size>>10), func(b *testing.B) {
				net, addr := make()
				st, err := serve(b, net, addr, &service{duplex: echo}).client(b).FullDuplexCall(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				req := &pb.StreamingOutputCallRequest{Payload: payload(string(bytesOf(size)))}
				b.SetBytes(int64(2 * size))
				for b.Loop() {
					if err := st.Send(req); err != nil {
						b.Fatal(err)
					}
					if _, err := st.Recv(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func bytesOf(n int) []byte { return make([]byte, n) }
