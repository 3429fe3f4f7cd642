package etcdleases

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// A trouble is why the newest attempt to connect has failed; nil when it has not. The client waits for a connection until the context of
// a call ends, and then tells of nothing but that.
type trouble struct {
	mu  sync.Mutex
	err error
}

func (t *trouble) note(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	return err
}

// explain adds it to an error that says only that time was up.
func (t *trouble) explain(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", err, t.err)
}

// options have connections note their trouble.
func (t *trouble) options(secure *tls.Config) []grpc.DialOption {
	shown := insecure.NewCredentials()
	if secure != nil {
		shown = credentials.NewTLS(secure)
	}
	return []grpc.DialOption{grpc.WithContextDialer(t.dial), grpc.WithTransportCredentials(notedCredentials{shown, t})}
}

func (t *trouble) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		_ = t.note(err)
	}
	return conn, err
}

// notedCredentials note how a handshake ends, which follows on every connection.
type notedCredentials struct {
	credentials.TransportCredentials
	trouble *trouble
}

// ClientHandshake implements credentials.TransportCredentials.
func (c notedCredentials) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, conn)
	return secured, info, c.trouble.note(err)
}

// Clone implements credentials.TransportCredentials.
func (c notedCredentials) Clone() credentials.TransportCredentials {
	return notedCredentials{c.TransportCredentials.Clone(), c.trouble}
}
