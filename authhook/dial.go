package authhook

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"sbc-registrar/tlsfiles"
)

// unheardPart is the part of the time-out after which a connection is given up whose other side has not even acknowledged the
// question: the host is gone, or the way to it. It leaves time to put the question elsewhere.
const unheardPart = 3

// A dialer opens connections to one callback.
type dialer struct {
	net     net.Dialer
	address string           // host:port
	tls     *tlsfiles.Config // nil = http
	timeout time.Duration
}

// newDialer makes the dialer of an endpoint.
func newDialer(o Options, endpoint *url.URL) (dialer, error) {
	host, err := asciiHost(endpoint.Hostname())
	if err != nil {
		return dialer{}, err
	}
	files, err := openTLS(o.TLS, host, o.Notice)
	if err != nil {
		return dialer{}, err
	}
	d := dialer{timeout: o.Timeout}
	port := "80"
	if endpoint.Scheme == "https" {
		port, d.tls = "443", files
	}
	if endpoint.Port() != "" {
		port = endpoint.Port()
	}
	d.address = net.JoinHostPort(host, port)
	return d, nil
}

// asciiHost is a host as DNS and certificates know it. ASCII stays as it is: names with an underscore are none of IDNA, and in use.
func asciiHost(host string) (string, error) {
	if !strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return host, nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return "", errors.New("authhook: the host of the uri is no domain name")
	}
	return ascii, nil
}

// dial opens a connection, TLS included; with an error comes the part of the way that failed. The name is looked up each time:
// nothing here remembers it, and so the next connection follows a change of DNS.
func (d *dialer) dial(ctx context.Context) (net.Conn, Kind, error) {
	inner, err := d.net.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, KindConnect, err
	}
	setUserTimeout(inner, d.timeout/unheardPart)
	if d.tls == nil {
		return inner, "", nil
	}
	secure := tls.Client(inner, d.tls.Current())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = inner.Close()
		return nil, KindTLS, &net.OpError{Op: "handshake", Net: "tcp", Addr: inner.RemoteAddr(), Err: err}
	}
	return secure, "", nil
}
