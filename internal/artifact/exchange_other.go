//go:build !linux

package artifact

// exchange swaps two names of one folder.
func exchange(a, b string) error { return exchangeByRenames(a, b) }
