package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"parley/internal/param"
)

// s3 is the store of s3.
type s3 struct {
	client minio.Core
	source string // of the credentials, as a user may be told
}

// newS3 returns a client for the account that the environment describes.
func newS3(getenv func(string) string, transport http.RoundTripper) (*s3, error) {
	a, err := readAccount(getenv)
	if err != nil {
		return nil, err
	}
	host, secure, err := a.host()
	if err != nil {
		return nil, err
	}
	client, err := minio.NewCore(host, &minio.Options{
		Creds:      credentials.NewStaticV4(a.key, a.secret, a.token), // without a key: anonymous
		Secure:     secure,
		Transport:  transport,
		Region:     a.region, // if empty, each bucket is asked for its own
		MaxRetries: 1,        // the package has a way of its own
	})
	if err != nil {
		return nil, param.Errorf(param.Invalid, "the endpoint of S3 %s cannot be used: %w: correct AWS_ENDPOINT_URL", host, scrubbed(err))
	}
	return &s3{client: *client, source: a.source}, nil
}

// host returns the host of the endpoint, and whether it speaks TLS.
func (a account) host() (host string, secure bool, err error) {
	if a.endpoint == "" {
		return "s3.amazonaws.com", true, nil
	}
	u, err := url.Parse(a.endpoint)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" ||
		u.Scheme != "http" && u.Scheme != "https" {
		return "", false, param.Errorf(param.Invalid, "the endpoint of S3 (AWS_ENDPOINT_URL, or endpoint_url in ~/.aws/config) is not of the form https://host:port: correct it")
	}
	return u.Host, u.Scheme == "https", nil
}

func (s *s3) get(ctx context.Context, at location, tag string, from, to int64) (*answer, error) {
	var o minio.GetObjectOptions
	o.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
	if tag != "" {
		o.Set("If-Match", tag)
	}
	body, _, header, err := s.client.GetObject(ctx, at.bucket, at.key, o)
	if err == nil {
		return newAnswer(at.name, header, body)
	}
	var refusal minio.ErrorResponse
	if errors.As(err, &refusal) && refusal.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return s.empty(ctx, at)
	}
	return nil, s.explain(at, err)
}

// empty is the answer to a request for a range of an object that does not have it.
func (s *s3) empty(ctx context.Context, at location) (*answer, error) {
	info, err := s.client.StatObject(ctx, at.bucket, at.key, minio.StatObjectOptions{})
	if err != nil {
		return nil, s.explain(at, err)
	}
	return &answer{body: http.NoBody, first: -1, last: -1, total: info.Size, tag: quoted(info.ETag)}, nil
}

// quoted returns an ETag as HTTP writes it.
func quoted(tag string) string { return `"` + tag + `"` }

// explain turns an error of the client into one that is passing or final, and
// says what to do.
func (s *s3) explain(at location, err error) error {
	var refusal minio.ErrorResponse
	if !errors.As(err, &refusal) {
		return broken(at.name, err)
	}
	switch refusal.Code {
	case minio.NoSuchBucket:
		return missing("%s: there is no bucket %q: correct the URL, or AWS_ENDPOINT_URL if it is elsewhere", at.name, at.bucket)
	case minio.NoSuchKey:
		return missing("%s: there is no such key: correct the URL; to read all that is below a prefix, end it with /", at.name)
	case minio.InvalidBucketName, minio.XMinioInvalidObjectName:
		return param.Errorf(param.Invalid, "%s: not a name that S3 allows: %s", at.name, refusal.Message)
	case minio.PreconditionFailed:
		return changed(at.name, "another version", "a new one")
	case "RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestThrottled", "RequestLimitExceeded", "InternalError":
		return &passing{err: param.Errorf(param.Retryable, "the server answers %s", refusal.Code)}
	case "InvalidObjectState":
		return param.Errorf(param.Invalid, "%s: the object is in an archive: restore it first", at.name)
	}
	return s.refusal(at, refusal)
}

// refusal explains those that the status tells.
func (s *s3) refusal(at location, r minio.ErrorResponse) error {
	if err := refused(r.StatusCode, nil); err != nil {
		return err
	}
	switch {
	case r.Region != "" && (r.StatusCode/100 == 3 || r.Code == minio.AuthorizationHeaderMalformed || r.Code == minio.InvalidRegion):
		return param.Errorf(param.Invalid, "%s: the bucket is in the region %s: set AWS_REGION to it", at.name, r.Region)
	case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusUnauthorized:
		return param.Errorf(param.Invalid, "%s: the server denies access (%d %s) to %s: correct the credentials or what they may do", at.name, r.StatusCode, r.Code, s.source)
	}
	return param.Errorf(param.Invalid, "%s: the server refuses the request (%d %s): %.200q", at.name, r.StatusCode, r.Code, r.Message)
}
