package node

import (
	"fmt"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

const (
	// maxBatch is how many messages travel together, and maxReceive how long such a batch may be: a REGISTER and its answer are
	// each far below 64 kB.
	maxBatch   = 200
	maxReceive = 32 << 20

	// probe is how long a connection may be silent before it is probed, the least that gRPC allows; probeTime is the time for the answer.
	probe     = 10 * time.Second
	probeTime = 3 * time.Second

	// queueSize is how many messages find room in the queue for a node at first: it grows. What bounds it is that nobody goes on to
	// send to a node that says nothing (actors/silences.go).
	queueSize = 1024
)

// remoteConfig is how nodes reach each other: by mutual TLS, which is checked on both sides, or in the clear where there is none,
// which is for one machine only.
func (o Options) remoteConfig() (*remote.Config, error) {
	host, text, err := net.SplitHostPort(o.Bind)
	if err != nil {
		return nil, fmt.Errorf("address to listen on: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("port to listen on: %w", err)
	}
	if strings.Contains(host, ":") { // the module writes host:port as it is
		host = "[" + host + "]"
	}
	secure := o.Credentials
	if secure == nil {
		secure = insecure.NewCredentials()
	}
	config := remote.Configure(host, port,
		remote.WithAdvertisedHost(o.Self.Address),
		remote.WithServerOptions(grpc.Creds(secure), grpc.MaxRecvMsgSize(maxReceive), grpc.ChainStreamInterceptor(o.recovering),
			grpc.KeepaliveParams(keepalive.ServerParameters{Time: probe, Timeout: probeTime}),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: probe / 2, PermitWithoutStream: true})),
		remote.WithDialOptions(grpc.WithTransportCredentials(secure), grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: probe, Timeout: probeTime}),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceive))),
		remote.WithEndpointWriterBatchSize(maxBatch), remote.WithEndpointManagerBatchSize(maxBatch),
		remote.WithEndpointWriterQueueSize(queueSize), remote.WithEndpointManagerQueueSize(queueSize),
	)
	config.MaxRetryCount = 1 // it sleeps for two seconds after each, while what it is sent waits
	return config, nil
}

// recovering keeps what another node sends from ending this process: the module panics over a message that it cannot place.
func (o Options) recovering(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			o.Log.Warn().Str("event", "cluster.message.unfit").Str("panic", fmt.Sprintf("%T", p)).Bytes("stack", debug.Stack()).
				Msg("another node sent what this one cannot take: their releases differ by more than one, or it is no node")
			err = status.Error(codes.Internal, "the message cannot be taken")
		}
	}()
	return handler(server, stream)
}
