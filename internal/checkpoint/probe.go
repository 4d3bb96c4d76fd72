package checkpoint

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"regexp"

	"parley/internal/param"
)

// tokens are what a probe may be told by.
var tokens = regexp.MustCompile(`^[A-Za-z0-9._-]{1,200}$`)

func probeFile(token string) (string, error) {
	if !tokens.MatchString(token) {
		return "", param.Errorf(param.Invalid, "%q cannot tell a probe from others: give letters, digits, dots, - and _", token)
	}
	return "probe-" + token, nil
}

// Probe finds out, before there is anything to lose, whether checkpoints will be seen
// by others. With write it makes a file named by the token, which must be new; without
// it looks, on another node, for that file. An error says in words that the place
// cannot be written, or that it is not the one that the writer sees.
func Probe(ctx context.Context, s Store, token string, write bool) error {
	name, err := probeFile(token)
	if err != nil {
		return err
	}
	if write {
		err = s.Write(ctx, name, func(w io.Writer) error { return writeAll(w, token) })
		if err != nil {
			return param.Errorf(param.KindOf(err), "checkpoints cannot be written to %s: %w", place(s), err)
		}
		return nil
	}
	return look(ctx, s, name, token)
}

func writeAll(w io.Writer, text string) error { return write(w, []byte(text)) }

// look reads the file of a probe.
func look(ctx context.Context, s Store, name, token string) error {
	in, err := s.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return param.Errorf(param.Invalid, "%s is not the place that other nodes see under this name: it lacks the file %s that one of them wrote; give a folder that all servers share, or an s3:// prefix, as run.checkpoint.to (%w)", place(s), name, err)
	}
	if err != nil {
		return param.Errorf(param.KindOf(err), "checkpoints cannot be read from %s: %w", place(s), err)
	}
	defer in.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(in, int64(len(token))+1))
	if err != nil {
		return param.Errorf(param.KindOf(err), "checkpoints cannot be read from %s: %w", place(s), err)
	}
	if string(text) != token {
		return param.Errorf(param.Corrupt, "%s gives other bytes than were written there: %s holds %q", place(s), name, text)
	}
	return nil
}

// EndProbe removes the file of a probe. It is no error if there is none.
func EndProbe(ctx context.Context, s Store, token string) error {
	name, err := probeFile(token)
	if err != nil {
		return err
	}
	return s.Remove(ctx, name)
}
