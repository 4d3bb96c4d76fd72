package httpapi

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"parley/internal/job"
	"parley/internal/param"
)

// policy lets pages load what this node serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard refuses requests that a page from elsewhere has made a browser send, and
// keeps pages of this node from loading anything from there.
func (a *api) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch host := hostOf(q.Host); {
		case !a.named(host):
			problem(w, http.StatusForbidden, "ask by address, localhost or the host of --advertise, not by the name "+host)
		case foreign(q):
			problem(w, http.StatusForbidden, "a page of another site may not ask this node")
		default:
			next.ServeHTTP(w, q)
		}
	})
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// named reports whether the node may be asked by this host. A page from elsewhere
// could send requests to a name that it has bound to this machine (DNS rebinding),
// so only addresses, which cannot be bound, and the node's own names count.
func (a *api) named(host string) bool {
	_, err := netip.ParseAddr(trimBrackets(host))
	return err == nil || host == "localhost" || slices.Contains(a.Hosts, host)
}

// trimBrackets takes the brackets off an IPv6 address that has no port.
func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}

// foreign reports whether a browser says that the request comes from a page of
// another site. Programs that are no browsers say nothing.
func foreign(q *http.Request) bool {
	if site := q.Header.Get("Sec-Fetch-Site"); site == "cross-site" && (q.Method != http.MethodGet || q.Header.Get("Sec-Fetch-Mode") != "navigate") {
		return true // to follow a link to a page is no harm
	}
	origin := q.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != q.Host
}

// problem writes an error as RFC 9457 has it.
func problem(w http.ResponseWriter, code int, detail string) { writeProblem(w, code, detail, nil) }

// refuse writes an error; invalid is the code for those that blame the input.
func refuse(w http.ResponseWriter, err error, invalid int) {
	code := http.StatusInternalServerError
	switch param.KindOf(err) {
	case param.Invalid:
		code = invalid
	case param.Full:
		code = http.StatusTooManyRequests
	case param.Retryable, param.NotOwner:
		code = http.StatusServiceUnavailable
	}
	var faults job.Faults
	errors.As(err, &faults)
	writeProblem(w, code, err.Error(), faults)
}

func writeProblem(w http.ResponseWriter, code int, detail string, faults job.Faults) {
	p := map[string]any{"title": http.StatusText(code), "status": code, "detail": detail}
	if faults != nil {
		list := make([]map[string]string, len(faults))
		for i, f := range faults {
			list[i] = map[string]string{"where": f.Where, "key": f.Key, "text": f.Text}
		}
		p["faults"] = list
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic("httpapi: strings and a number: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	w.Write(text)
}
