package linalg

import (
	"strings"
	"testing"
)

func TestCheckKernels(t *testing.T) {
	for value, want := range map[string]string{
		"": "", Kernels(): "", "foo": "PARLEY_KERNELS=foo: there are no such kernels",
	} {
		t.Setenv("PARLEY_KERNELS", value)
		if err := CheckKernels(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", value, err)
		}
	}
	portably(func() {
		t.Setenv("PARLEY_KERNELS", "avx2")
		if err := CheckKernels(); err == nil || !strings.Contains(err.Error(), "PARLEY_KERNELS=avx2: this processor") {
			t.Errorf("avx2 on a processor without it: %v", err)
		}
		if Kernels() != "portable" {
			t.Error(Kernels())
		}
	})
}
