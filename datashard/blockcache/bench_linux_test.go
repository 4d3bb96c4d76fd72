package blockcache

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkReadFile compares the ways to bring a file into memory of Go's: why a
// shard is read and not mapped.
func BenchmarkReadFile(b *testing.B) {
	const size = 336 << 10
	dir := b.TempDir()
	path := func(i int) string { return filepath.Join(dir, fmt.Sprint(i%benchShards)) }
	for i := range benchShards {
		replant(b, path(i), make([]byte, size))
	}
	for _, way := range []struct {
		name string
		read func(f *os.File, dst []byte) error
	}{
		{"read", func(f *os.File, dst []byte) error { return readAt(f, dst, 0) }},
		{"mmap+copy", func(f *os.File, dst []byte) error {
			m, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
			if err != nil {
				return err
			}
			copy(dst, m)
			return syscall.Munmap(m)
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(size)
			for i := 0; b.Loop(); i++ {
				f, err := os.Open(path(i))
				if err != nil {
					b.Fatal(err)
				}
				if err := way.read(f, make([]byte, size)); err != nil {
					b.Fatal(err)
				}
				_ = f.Close() // only read
			}
		})
	}
}
