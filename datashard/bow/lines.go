package bow

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"parley/internal/param"
)

// maxLine is the most bytes of a line, its end included.
const maxLine = 1 << 20

// lines reads a file by lines.
type lines struct {
	r      *bufio.Reader
	name   string
	number int64 // of the line read last, from 1
}

func newLines(r io.Reader, name string) *lines {
	return &lines{r: bufio.NewReaderSize(r, maxLine), name: name}
}

// next returns the next line without its end, valid until the next call, or
// io.EOF behind the last one.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if len(line) == 0 && err == io.EOF {
		return nil, io.EOF
	}
	l.number++
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, l.errorf("is longer than %d bytes: is it the right file?", maxLine)
	case err != nil && err != io.EOF:
		return nil, fmt.Errorf("%s:%d: %w", l.name, l.number, err)
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
	}
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// nextFull returns the next line that is not blank, without blanks around it.
func (l *lines) nextFull() ([]byte, error) {
	for {
		line, err := l.next()
		if line = bytes.Trim(line, " \t"); err != nil || len(line) > 0 {
			return line, err
		}
	}
}

// nextEntry returns the next line, without blanks around it. Blank lines may be
// at the end of the file alone: elsewhere one would shift what follows.
func (l *lines) nextEntry(what string) ([]byte, error) {
	before := l.number
	line, err := l.nextFull()
	if err == nil && l.number > before+1 {
		l.number = before + 1
		return nil, l.errorf("is blank: write one %s a line", what)
	}
	return line, err
}

// errorf returns an error in the line read last.
func (l *lines) errorf(format string, args ...any) error {
	return param.Errorf(param.Invalid, "%s:%d: %s", l.name, max(l.number, 1), fmt.Sprintf(format, args...))
}

// parse reads a line of as many whole numbers as n takes, with blanks between.
// It takes no more than 18 digits, so that nothing wraps around.
func parse(line []byte, n []uint64) bool {
	i := 0
	for field := range n {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		begin, x := i, uint64(0)
		for ; i < len(line) && line[i]-'0' <= 9; i++ {
			x = x*10 + uint64(line[i]-'0')
		}
		if i == begin || i-begin > 18 {
			return false
		}
		n[field] = x
	}
	return blank(line[i:])
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' {
			return false
		}
	}
	return true
}
