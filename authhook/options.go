package authhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Body is the form of the question.
type Body string

// The two forms that callbacks in the field understand.
const (
	Seed    Body = "seed"    // the digest values, the method and the requested expiration
	Jambonz Body = "jambonz" // these, the source of the request and all its header fields
)

// Defaults of Options.
const (
	DefaultTimeout     = 3 * time.Second
	DefaultConcurrency = 512
	DefaultUserAgent   = "sbc-registrar"

	DefaultConnectionLifetime = time.Minute
)

// Options say which callback to ask, and how. Only URI is needed.
type Options struct {
	URI             string        // http or https, absolute; a user and password in it count when Username is empty
	Method          string        // POST (default) or GET
	Body            Body          // Seed (default) or Jambonz
	Username        string        // HTTP Basic (RFC 7617); empty = none
	Password        string        //
	SignatureSecret string        // signs each question in Jambonz-Signature; empty = not signed
	UserAgent       string        // DefaultUserAgent when empty
	Timeout         time.Duration // of one question; DefaultTimeout when 0
	Concurrency     int           // most questions on their way, further ones wait; DefaultConcurrency when 0
	TLS             TLS

	// ConnectionLifetime is how long a connection is used at most, so that a change of DNS is followed although the old address
	// still answers; DefaultConnectionLifetime when 0.
	ConnectionLifetime time.Duration

	// Notice is told when files of TLS have changed: nil when new connections use them, or why they go on with the old ones. It
	// must not block.
	Notice func(error)

	Now func() time.Time // time.Now when nil; dates the signature
}

// TLS says how the callback proves who it is, and how we do. All files are PEM.
type TLS struct {
	CA         string // file of the only authorities to trust; empty = the system's
	Cert       string // file of our certificate, together with Key
	Key        string
	ServerName string // name in the callback's certificate when it is not the URI's host
	Insecure   bool   // accept any certificate
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Method == "" {
		o.Method = http.MethodPost
	}
	if o.Body == "" {
		o.Body = Seed
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Concurrency == 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.ConnectionLifetime == 0 {
		o.ConnectionLifetime = DefaultConnectionLifetime
	}
	if o.Notice == nil {
		o.Notice = func(error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// check reports everything that is wrong, without repeating a value that may be secret. What is right about the URI comes back
// as the endpoint and its user, nil = no HTTP Basic.
func (o Options) check() (*url.URL, *url.Userinfo, error) {
	var problems []error
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("authhook: "+format, args...))
		}
	}
	report(o.Method != http.MethodPost && o.Method != http.MethodGet, "method %q is neither POST nor GET", o.Method)
	report(o.Body != Seed && o.Body != Jambonz, "body %q is neither seed nor jambonz", o.Body)
	report(o.Timeout < 0, "the timeout is negative")
	report(o.Concurrency < 0, "the concurrency is negative")
	report(o.ConnectionLifetime < 0, "the lifetime of connections is negative")
	report(hasControl(o.UserAgent), "the user agent holds a control character")
	report(strings.Contains(o.Username, ":") || hasControl(o.Username+o.Password),
		"HTTP Basic allows no colon in a user name and no control characters (RFC 7617 §2)")
	report(o.Username == "" && o.Password != "", "a password needs a user name")
	endpoint, user, err := o.endpoint()
	return endpoint, user, errors.Join(append(problems, err)...)
}

// endpoint reads the URI and takes user and password out of it. The error of url.Parse is not passed on: it quotes the
// whole URI, password included.
func (o Options) endpoint() (*url.URL, *url.Userinfo, error) {
	u, err := url.Parse(o.URI)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, nil, errors.New("authhook: the uri is no absolute http or https URL")
	}
	user := u.User
	u.User, u.Fragment = nil, ""
	if o.Username != "" {
		user = url.UserPassword(o.Username, o.Password)
	}
	return u, user, nil
}
