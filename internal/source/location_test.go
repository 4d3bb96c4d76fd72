package source

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"parley/internal/param"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]location{
		"s3://b":            {name: "s3://b/", bucket: "b"},
		"s3://b/":           {name: "s3://b/", bucket: "b"},
		"S3://b/a/c.csv":    {name: "s3://b/a/c.csv", bucket: "b", key: "a/c.csv"},
		"s3://b/a?b#c%20[d": {name: "s3://b/a?b#c%20[d", bucket: "b", key: "a?b#c%20[d"},
		"s3://b//a/":        {name: "s3://b//a/", bucket: "b", key: "/a/"},
	} {
		if got, err := parse(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, name := range map[string]string{
		"http://h":                        "http://h",
		"https://u:p@h:1/a%20b/%2F?q=1#f": "https://h:1/a%20b/%2F",
		"HTTPS://h/x%2Fy.csv?sig=secret":  "https://h/x%2Fy.csv",
	} {
		if got, err := parse(text); got.name != name || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, says := range map[string]string{
		"":                            "not a URL",
		"data.csv":                    "not a URL",
		"ftp://u:secret@h/x":          "cannot read ftp:// URLs: use http://, https:// or s3://",
		"s3://":                       "no bucket given",
		"s3:///key":                   "no bucket given",
		"s3://key:secret@bucket/k":    "the s3:// URL holds a user",
		"https:///x?secret":           "has no host",
		"https://u:secret@[::1/x":     "malformed http or https URL",
		"https://u:secret@h:port/x":   "malformed http or https URL",
		"https://u:secret@h/%zz":      "malformed http or https URL",
		"https://u:1secret/2@h/x":     "malformed http or https URL",
		"https://u:%secret@h/x":       "malformed http or https URL",
		"https://h/\x7f?token=secret": "malformed http or https URL",
	} {
		_, err := parse(text)
		if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestScrubbed(t *testing.T) {
	inner := errors.New(`bad "http://u:p@h/x?y=z" or //q@w`)
	err := scrubbed(&url.Error{Op: "Get", URL: "https://secret", Err: fmt.Errorf("dial: %w", &url.Error{Err: inner})})
	if want := `bad "http://…@h/x?…" or //…@w`; err.Error() != want || !errors.Is(err, inner) {
		t.Error(err)
	}
}

func TestObjectsDoNotShowTheirAddress(t *testing.T) {
	o := Object{Name: "https://h/x", address: "https://user:secret@h/x"}
	for _, text := range []string{fmt.Sprint(o), fmt.Sprintf("%+v %#v %s", o, o, o), fmt.Sprintf("%v", []Object{o}), fmt.Sprintf("%+v", &o)} {
		if strings.Contains(text, "secret") {
			t.Error(text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"s3://b/a?b#c", "https://u:p@h:1/a b/%41?q=1#f", "http://[::1%25lo]:80/", "://", "s3://@", "http://u%40:%3f@h?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parse(text)
		if err != nil {
			if param.KindOf(err) != param.Invalid {
				t.Fatal(err)
			}
			return
		}
		again, err := parse(at.name)
		if err != nil || again.name != at.name || again.bucket != at.bucket || again.key != at.key {
			t.Fatalf("%q is shown as %q, which is %+v, %v", text, at.name, again, err)
		}
		if at.url != nil && (strings.Contains(at.name, "?") || again.url.User != nil) {
			t.Fatalf("%q is shown as %q", text, at.name)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/100", "bytes */100", "bytes 0-9/*", "bytes 9-0/10", "bytes 0-9/5", "bytes +1-2/3", "bits 0-1/2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		first, last, total, ok := contentRange(value)
		if !ok {
			return
		}
		span, size := fmt.Sprintf("%d-%d", first, last), fmt.Sprint(total)
		if first < 0 {
			span = "*"
		} else if last < first || total >= 0 && last >= total {
			t.Fatalf("%q: %d, %d, %d", value, first, last, total)
		}
		if total < 0 {
			size = "*"
		}
		if a, b, c, ok := contentRange("bytes " + span + "/" + size); a != first || b != last || c != total || !ok {
			t.Fatalf("%q: %d, %d, %d", value, first, last, total)
		}
	})
}
