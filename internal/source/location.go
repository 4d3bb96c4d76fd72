package source

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"parley/internal/param"
)

// location is where a URL leads.
type location struct {
	name   string   // may be shown
	url    *url.URL // of http and https
	bucket string   // of s3, else empty
	key    string   // of s3: as it is written, nothing in it is escaped
}

// parse reads a URL. Its errors do not show it beyond its scheme and host: the
// rest may hold secrets.
func parse(text string) (location, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return location{}, param.Errorf(param.Invalid, "not a URL: write it as https://host/file or s3://bucket/key")
	}
	switch scheme := strings.ToLower(scheme); scheme {
	case "s3":
		return parseS3(rest)
	case "http", "https":
		return parseHTTP(text)
	default:
		return location{}, param.Errorf(param.Invalid, "cannot read %s:// URLs: use http://, https:// or s3://", scheme)
	}
}

func parseS3(rest string) (location, error) {
	bucket, key, _ := strings.Cut(rest, "/")
	switch {
	case strings.Contains(bucket, "@"):
		return location{}, param.Errorf(param.Invalid, "the s3:// URL holds a user: leave it out, credentials of S3 come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or from AWS_PROFILE")
	case bucket == "":
		return location{}, param.Errorf(param.Invalid, "s3://%s: no bucket given: write s3://bucket/key", rest)
	}
	return location{name: "s3://" + bucket + "/" + key, bucket: bucket, key: key}, nil
}

func parseHTTP(text string) (location, error) {
	u, err := url.Parse(text)
	if err != nil { // it may quote a part of the password
		return location{}, param.Errorf(param.Invalid, "malformed http or https URL: write the characters %%, / and @ in user and password as %%25, %%2F and %%40")
	}
	if u.Host == "" {
		return location{}, param.Errorf(param.Invalid, "the %s:// URL has no host: write %s://host/file", u.Scheme, u.Scheme)
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return location{}, param.Errorf(param.Invalid, "the %s:// URL has a host with characters that hosts cannot have: write international names in their ASCII form", u.Scheme)
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	u.Fragment = ""
	return location{name: shown.String(), url: u}, nil
}

// with returns the location of another key of the bucket.
func (l location) with(key string) location {
	return location{name: "s3://" + l.bucket + "/" + key, bucket: l.bucket, key: key}
}

// address is the URL in full.
func (l location) address() string {
	if l.url != nil {
		return l.url.String()
	}
	return l.name
}

// secrets are the parts of URLs that may not be shown: what is before the host
// and what is behind the path.
var secrets = regexp.MustCompile(`//[^/@\s"]*@|\?[^\s"]*`)

// clean is an error whose text shows no secrets of URLs.
type clean struct {
	error
	text string
}

func (c *clean) Error() string { return c.text }
func (c *clean) Unwrap() error { return c.error }

// scrubbed returns err without the URL that net/http puts around it, nor secrets of
// URLs within.
func scrubbed(err error) error {
	var request *url.Error
	for errors.As(err, &request) {
		err = request.Err
	}
	text := secrets.ReplaceAllStringFunc(err.Error(), func(s string) string {
		if strings.HasPrefix(s, "?") {
			return "?…"
		}
		return "//…@"
	})
	return &clean{err, text}
}
