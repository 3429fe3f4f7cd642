package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"sbc-registrar/config"
	"sbc-registrar/demo"
	"sbc-registrar/edge"
)

// demoAddresses are where the demo's parts listen: host:port, or a port on the loopback address.
type demoAddresses struct {
	udp, tcp, ws             string
	control, redis, callback string
	http                     string
}

func newDemoCommand() *cobra.Command {
	var at demoAddresses
	var logging config.Logging
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the registrar with everything it needs inside: no other server",
		Long: `Run the registrar with everything it needs inside, to try it: a SIP front end that plays the drachtio server (UDP, TCP,
WebSocket), a Redis, and an authentication callback with three demo users. Each part speaks its real protocol over real
sockets; only they are not meant for production.

Everything listens on the loopback address. To reach it from a phone in your network, give the SIP listeners another
address, such as --udp 0.0.0.0:5060; mind that the demo's passwords are public. A port of 0 takes any free one.`,
		Example: `  sbc-registrar demo
  sbc-registrar demo --udp 5070 --tcp 5070 --ws 8080 --redis 6379
  sbc-registrar demo --udp 0.0.0.0:5060`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if logging.Format != "pretty" && logging.Format != "json" {
				return usageError(fmt.Errorf("--log-format is %q, want pretty or json", logging.Format))
			}
			if _, err := zerolog.ParseLevel(logging.Level); err != nil {
				return usageError(fmt.Errorf("--log-level is %q, want trace, debug, info, warn or error", logging.Level))
			}
			ctx, release := untilSignal(cmd.Context())
			defer release()
			return runDemo(ctx, at, logging)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at.udp, "udp", "127.0.0.1:5060", "`address` or port for SIP over UDP")
	flags.StringVar(&at.tcp, "tcp", "127.0.0.1:5060", "`address` or port for SIP over TCP")
	flags.StringVar(&at.ws, "ws", "127.0.0.1:5066", "`address` or port for SIP over WebSocket")
	flags.StringVar(&at.control, "control", "127.0.0.1:9022", "`address` or port of the drachtio control protocol")
	flags.StringVar(&at.redis, "redis", "127.0.0.1:6380", "`address` or port of the embedded Redis")
	flags.StringVar(&at.callback, "callback", "127.0.0.1:3081", "`address` or port of the embedded callback")
	flags.StringVar(&at.http, "http", "127.0.0.1:3080", "`address` or port for /healthz, /readyz and /metrics")
	flags.StringVar(&logging.Level, "log-level", "info", "lowest `level` that is logged; debug shows challenges too")
	flags.StringVar(&logging.Format, "log-format", "pretty", "`format` of the log: pretty or json")
	return cmd
}

// runDemo starts the parts around the registrar, then the registrar, and ends them in reverse.
func runDemo(ctx context.Context, at demoAddresses, logging config.Logging) error {
	redis, err := demo.StartRedis(address(at.redis))
	if err != nil {
		return taken("redis", err)
	}
	defer redis.Close()
	callback, err := demo.StartCallback(address(at.callback))
	if err != nil {
		return taken("callback", err)
	}
	defer closeCallback(callback)
	front, err := edge.Start(edge.Options{
		UDP: address(at.udp), TCP: address(at.tcp), WS: address(at.ws), Control: address(at.control), Secret: demoSecret,
	})
	if err != nil {
		return takenByFront(err)
	}
	defer func() { _ = front.Close() }()
	settings, err := demoSettings(front, redis, callback, at.http, logging)
	if err != nil {
		return err
	}
	err = run(ctx, settings, newLog(logging, os.Stdout), func(p *program) {
		printDemo(os.Stdout, front, redis, callback, p.httpAddress())
	})
	if errors.Is(err, syscall.EADDRINUSE) { // all other listeners are open: it is that for health
		err = taken("http", err)
	}
	return err
}

const demoSecret = "cymru"

// demoSettings are the settings of serve for the embedded parts, but for one rule: IP addresses are domains, since
// 127.0.0.1 is what a newcomer types.
func demoSettings(front *edge.Server, redis *demo.Redis, callback *demo.Callback, http string, logging config.Logging) (config.Settings, error) {
	s := config.Defaults()
	s.Drachtio.Servers, s.Drachtio.Secret = []string{front.Addr(edge.Control).String()}, demoSecret
	host, port, err := net.SplitHostPort(redis.Addr())
	if err != nil {
		return s, fmt.Errorf("address of the embedded Redis: %w", err)
	}
	s.Redis.Host = host
	if s.Redis.Port, err = strconv.Atoi(port); err != nil {
		return s, fmt.Errorf("address of the embedded Redis: %w", err)
	}
	s.AuthCallback.URI = config.CallbackURL(callback.URL())
	s.Registration.AllowIPDomains = true
	s.HTTP.Address, s.Logging = address(http), logging
	return s, nil
}

func closeCallback(c *demo.Callback) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.Close(ctx)
}

// address completes a bare port: the demo is for this machine unless told otherwise.
func address(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return net.JoinHostPort("127.0.0.1", text)
	}
	return text
}

// taken tells which flag moves a part that cannot listen elsewhere.
func taken(flag string, err error) error {
	return fmt.Errorf("%w\nchoose another address or port with --%s", err, flag)
}

func takenByFront(err error) error {
	var listen *edge.ListenError
	if errors.As(err, &listen) {
		return taken(strings.ToLower(string(listen.Option)), err)
	}
	return err
}

// printDemo tells a newcomer what to type.
func printDemo(out io.Writer, front *edge.Server, redis *demo.Redis, callback *demo.Callback, http string) {
	udp, tcp, ws := front.Addr(edge.UDP).String(), front.Addr(edge.TCP).String(), front.Addr(edge.WS).String()
	user := demo.Users[0]
	host, redisPort, _ := net.SplitHostPort(redis.Addr())
	_, udpPort, _ := net.SplitHostPort(udp)
	var users strings.Builder
	for _, u := range demo.Users {
		fmt.Fprintf(&users, "    %-8s password %s\n", u.Name, u.Password)
	}
	_, _ = fmt.Fprintf(out, `
sbc-registrar demo: everything runs inside this process.

  SIP        udp %s   tcp %s   WebSocket ws://%s
  Redis      redis-cli -h %s -p %s keys '*'
  Callback   %s
  Control    %s (the drachtio protocol)
  Health     http://%s/readyz   metrics: /metrics

  Users, in the domain 127.0.0.1 or localhost:
%s
  Register a softphone:   server (domain) 127.0.0.1:%s, user %s, password %s
  Register with baresip:  baresip -e '/uanew <sip:%s@127.0.0.1:%s;transport=udp>;auth_pass=%s'
  Register with sipp:     sipp -sf demo/register.xml -m 1 -s %s -ap %s %s

  Registrations appear below as they happen. Ctrl-C ends the demo.

`, udp, tcp, ws, host, redisPort, callback.URL(), front.Addr(edge.Control), http, users.String(),
		udpPort, user.Name, user.Password, user.Name, udpPort, user.Password, user.Name, user.Password, udp)
}
