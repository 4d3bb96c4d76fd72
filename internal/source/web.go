package source

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"parley/internal/param"
)

// maxRedirects are followed for one request.
const maxRedirects = 5

// web is the store of http and https.
type web struct{ client *http.Client }

func newWeb(transport http.RoundTripper) *web {
	return &web{&http.Client{Transport: transport, CheckRedirect: redirect}}
}

// redirect refuses too many of them, and those that would send on in the clear
// what was asked for under TLS.
func redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return param.Errorf(param.Invalid, "the server redirects more than %d times: give the URL that it leads to", maxRedirects)
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return param.Errorf(param.Invalid, "the server redirects from https to %s on %s, which is not followed: give that URL if it can be trusted", req.URL.Scheme, req.URL.Host)
	}
	return nil
}

func (w *web) get(ctx context.Context, at location, tag string, from, to int64) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.url.String(), nil)
	if err != nil {
		return nil, broken(at.name, err)
	}
	if user := at.url.User; user != nil {
		// As a header, it goes along with redirects within the host.
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
	if strings.HasPrefix(tag, `"`) { // weak tags and dates never match by the rules of If-Match
		req.Header.Set("If-Match", tag)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, broken(at.name, err)
	}
	a, err := w.answer(at.name, tag, resp)
	if err != nil {
		resp.Body.Close()
	}
	return a, err
}

// answer reads the status and header of a response.
func (w *web) answer(name, tag string, resp *http.Response) (*answer, error) {
	switch resp.StatusCode {
	case http.StatusOK:
		resp.Header.Del("Content-Range")
		return newAnswer(name, resp.Header, resp.Body)
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		if resp.Header.Get("Content-Range") == "" {
			return nil, param.Errorf(param.Corrupt, "%s: the server answers %s without a Content-Range: it does not keep to HTTP, so copy the file to another one", name, resp.Status)
		}
		a, err := newAnswer(name, resp.Header, resp.Body)
		if err == nil && (resp.StatusCode == http.StatusPartialContent) != (a.first >= 0) {
			err = param.Errorf(param.Corrupt, "%s: the server answers %d with the Content-Range %q: it does not keep to HTTP, so copy the file to another one", name, resp.StatusCode, resp.Header.Get("Content-Range"))
		}
		return a, err
	case http.StatusPreconditionFailed:
		return nil, changed(name, "version "+orNone(tag), "another")
	case http.StatusNotFound, http.StatusGone:
		return nil, missing("%s: the server has no such file (%d): correct the URL", name, resp.StatusCode)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return nil, param.Errorf(param.Invalid, "%s: the server denies access (%d): give user and password as https://user:password@host/…, or a signed URL that has not expired", name, resp.StatusCode)
	}
	if err := refused(resp.StatusCode, resp.Header); err != nil {
		return nil, err
	}
	return nil, param.Errorf(param.Invalid, "%s: the server answers %d (%s) to a request for the file: correct the URL", name, resp.StatusCode, http.StatusText(resp.StatusCode))
}
