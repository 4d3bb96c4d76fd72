package datashard

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"parley/datashard/csv"
	"parley/datashard/jsonl"
	"parley/internal/param"
	"parley/internal/table"
)

// headBytes is read of a file to learn its columns.
const headBytes = 1 << 20

// readHeaders finds where the rows of each file begin and what the columns are
// called. Key=value folders come last.
func (d *Dataset) readHeaders() error {
	var buffer []byte
	for i, f := range d.files {
		head, err := d.head(f, &buffer)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(head, byteOrderMark) {
			f.begin = int64(len(byteOrderMark))
			head = head[f.begin:]
		}
		names, err := d.columnsOf(f, head)
		if err != nil {
			return param.Errorf(param.Invalid, "%s: %w", d.headerOf(f, head), err)
		}
		switch {
		case d.format.sparse:
		case d.format.name == "jsonl":
			d.addNames(names)
		case i == 0:
			d.names = names
		default:
			if f.order, err = orderOf(names, d.names, d.files[0].path); err != nil {
				return param.Errorf(param.Invalid, "%s: %w", d.headerOf(f, head), err)
			}
		}
	}
	if d.format.name == "jsonl" && len(d.names) == 0 {
		return d.noFields(&buffer)
	}
	return d.addKeys()
}

// headerOf says where a file's header is, for messages.
func (d *Dataset) headerOf(f *file, head []byte) string {
	blank := len(head) - len(bytes.TrimLeft(head, "\r\n"))
	if d.unpacked.format != "" || blank == len(head) {
		return f.path
	}
	return fmt.Sprintf("%s:%d", f.path, 1+bytes.Count(head[:blank], []byte{'\n'}))
}

// addNames adds names that are new.
func (d *Dataset) addNames(names []string) {
	for _, name := range names {
		if !slices.Contains(d.names, name) {
			d.names = append(d.names, name)
		}
	}
}

// addKeys makes columns of the key=value folders.
func (d *Dataset) addKeys() error {
	if d.format.sparse {
		return nil
	}
	keys := d.keyNames
	for _, key := range keys {
		if slices.Contains(d.names, key) {
			return param.Errorf(param.Invalid, "%s: the folder key %s is the name of a column too: rename one of them", d.files[0].path, table.Quote(key))
		}
	}
	d.names, d.keys = append(d.names, keys...), len(keys)
	return nil
}

// columnsOf returns the names of a file's columns; head is its beginning.
func (d *Dataset) columnsOf(f *file, head []byte) ([]string, error) {
	switch d.format.name {
	case "text":
		return []string{"text"}, nil
	case "jsonl":
		if int64(len(head)) < f.size { // the last line may be cut
			head = head[:bytes.LastIndexByte(head, '\n')+1]
		}
		return jsonl.Fields(endLine(head)), nil
	case "csv", "tsv":
		if len(d.source.Columns) > 0 {
			return d.source.Columns, nil
		}
		names, next, err := csv.Header(endLine(head), d.format.comma)
		if err != nil {
			return nil, err
		}
		next = min(next, len(head))
		f.begin += int64(next)
		f.headerCRC = crc32.Checksum(head[:next], castagnoli)
		if d.unpacked.format == "" {
			f.header = int64(bytes.Count(head[:next], []byte{'\n'}))
		}
		return names, nil
	}
	return nil, nil
}

// orderOf returns where a file has each of the columns, nil if all are where the
// first file has them.
func orderOf(names, want []string, first string) ([]int, error) {
	if slices.Equal(names, want) {
		return nil, nil
	}
	order := make([]int, len(want))
	for i, name := range want {
		if order[i] = slices.Index(names, name); order[i] < 0 {
			return nil, fmt.Errorf("has no column %s, which %s has: give files of the same columns (here are %s)", table.Quote(name), first, nameList(names))
		}
	}
	if len(names) != len(want) {
		return nil, fmt.Errorf("has %d columns and %s has %d: give files of the same columns", len(names), first, len(want))
	}
	return order, nil
}

// nameList names some columns for a message.
func nameList(names []string) string {
	const most = 20
	text := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}
