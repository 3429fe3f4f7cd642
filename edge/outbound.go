package edge

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"

	"github.com/emiago/sipgo/sip"
)

// dialTimeout bounds the connection to a handler.
const dialTimeout = 4 * time.Second

// dial opens a connection for one request to the handler whose turn it is. The app gets the request when it has
// authenticated. The connection is not closed from here and not used again, whatever becomes of the request.
func (s *Server) dial(t *transaction) *sip.Response {
	app := s.apps[(s.turn.Add(1)-1)%uint64(len(s.apps))]
	conn, err := s.connect(app)
	if err != nil {
		s.options.Log.Warn("handler does not answer", "handler", app.Host, "error", err)
		return sip.NewResponse(sip.StatusTemporarilyUnavailable, "Temporarily Unavailable")
	}
	s.start(&link{conn: conn, offer: t})
	return nil
}

func (s *Server) connect(app *url.URL) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.closing, dialTimeout)
	defer cancel()
	if app.Scheme == "tls" {
		dialer := tls.Dialer{Config: s.options.HandlerTLS}
		return dialer.DialContext(ctx, "tcp", app.Host)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", app.Host)
}
