package feature

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"

	"github.com/twmb/murmur3"

	"parley/internal/param"
)

// A marshalled Fit is, in uvarints, little-endian float64 and strings with their
// lengths before them: magic and version, the plan's fingerprint, the parts in the
// order of Fit's fields, and the CRC32C of all that. Everything is sorted.
const fitMagic = "PFIT\x02"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fingerprint is a hash of all that the meaning of a Fit depends on.
func (p *Plan) fingerprint() uint64 {
	text, err := json.Marshal([]any{p.recipe, p.sparse, p.names, p.terms, p.limits, p.unique})
	if err != nil {
		panic("feature: a recipe is not JSON") // Compile lets finite numbers pass alone
	}
	return murmur3.Sum64(text)
}

// MarshalBinary writes f. Equal Fits have equal bytes.
func (f *Fit) MarshalBinary() ([]byte, error) {
	w := encoder{[]byte(fitMagic)}
	w.bytes = binary.LittleEndian.AppendUint64(w.bytes, f.plan.fingerprint())
	w.count(f.rows)
	w.count(f.nonzeros)
	w.count(f.largest + 1)
	w.count(int64(len(f.bad)))
	for _, code := range sortedKeys(f.bad) {
		w.text(code)
		w.count(f.bad[code])
	}
	f.labels.encode(&w)
	for i := range f.features {
		g := &f.features[i]
		g.moments.encode(&w)
		g.quantiles.encode(&w)
		g.dictionary.encode(&w)
		w.flag(g.coarse)
	}
	for i := range f.auto {
		f.auto[i].moments.encode(&w)
		w.flag(f.auto[i].names)
		f.auto[i].values.encode(&w)
	}
	for i := range f.columns {
		f.columns[i].encode(&w)
	}
	f.unique.encode(&w)
	if f.terms != nil {
		terms, err := f.terms.MarshalBinary()
		if err != nil {
			return nil, err
		}
		w.text(string(terms))
	}
	return binary.LittleEndian.AppendUint32(w.bytes, crc32.Checksum(w.bytes, castagnoli)), nil
}

// UnmarshalBinary replaces f, which NewFit of the same Plan made, by what
// MarshalBinary wrote. Its error is Corrupt if data is damaged, and Invalid if it
// belongs to another Plan; f is undefined then.
func (f *Fit) UnmarshalBinary(data []byte) error {
	r, err := openFit(data)
	if err != nil {
		return err
	}
	*f = *f.plan.NewFit()
	if r.fixed64() != f.plan.fingerprint() && !r.failed {
		return param.Errorf(param.Invalid, "the fit is of another plan: data and job must be the same everywhere")
	}
	f.rows, f.nonzeros, f.largest = r.count(), r.count(), r.count()-1
	for range r.length(2) {
		code := r.text()
		if f.bad[code] = r.count(); f.bad[code] == 0 {
			r.failed = true
		}
	}
	f.labels.decode(r)
	for i := range f.features {
		g := &f.features[i]
		g.moments.decode(r)
		g.quantiles.decode(r)
		g.dictionary.decode(r)
		g.coarse = r.flag()
		if parts := f.binding.Features[i].Parts; len(parts) > 1 {
			r.failed = r.failed || !g.dictionary.splits(len(parts))
		}
	}
	for i := range f.auto {
		f.auto[i].moments.decode(r)
		f.auto[i].names = r.flag()
		f.auto[i].values.decode(r)
	}
	for i := range f.columns {
		f.columns[i].decode(r)
	}
	f.unique.decode(r)
	if f.terms != nil {
		if err := f.terms.UnmarshalBinary([]byte(r.text())); err != nil {
			return err
		}
	}
	if r.failed || len(r.rest) != 0 || f.good() < 0 {
		return errDamaged
	}
	return nil
}

var errDamaged = param.Errorf(param.Corrupt, "the fit was damaged after it was written")

// openFit checks the frame of a marshalled Fit.
func openFit(data []byte) (*decoder, error) {
	n := len(data) - 4
	if n < len(fitMagic) || string(data[:len(fitMagic)]) != fitMagic {
		return nil, param.Errorf(param.Corrupt, "this is no fit, or one of another version")
	}
	if crc32.Checksum(data[:n], castagnoli) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, errDamaged
	}
	return &decoder{rest: data[len(fitMagic):n]}, nil
}

// splits reports whether all names are combinations of a number of parts.
func (d *dictionary) splits(parts int) bool {
	for _, name := range d.names {
		ok := true
		for range parts {
			if _, name, ok = cutPart(name); !ok {
				return false
			}
		}
		if name != "" {
			return false
		}
	}
	return true
}
