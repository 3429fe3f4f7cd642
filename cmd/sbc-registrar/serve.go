package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"sbc-registrar/config"
)

func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the registrar",
		Long: `Run the registrar: take REGISTERs from drachtio servers, ask the callback, keep the registrations in Redis.

With drachtio.host it connects to the servers and routes REGISTER to itself; without, it listens for connections that
the servers open (their request-handlers name this program). Neither they nor Redis nor the callback have to be up:
/readyz tells when REGISTERs can be served.

SIGTERM or Ctrl-C stops it cleanly: it asks the servers for no more requests, finishes what is in flight (at most
10 s) and exits 0. A second signal ends it at once, as if it had not been caught (in a shell, status 143 or 130).

Started by systemd, it tells when it is ready (Type=notify), what it waits for (systemctl status), and feeds the
watchdog while its actors answer; and it takes the socket of a .socket unit to listen on. See deploy/systemd.`,
		Example: `  sbc-registrar serve --config /etc/sbc-registrar.json
  DRACHTIO_HOST=10.0.0.5 JAMBONES_REDIS_HOST=10.0.0.6 \
  SBC_REGISTRAR_REDIS_SCHEMA=jambonz SBC_REGISTRAR_AUTHCALLBACK_URI=https://example.com/auth sbc-registrar serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := loadSettings(cmd, config.ForServe)
			if err != nil {
				return err
			}
			ctx, release := untilSignal(cmd.Context())
			defer release()
			tuneCollector()
			told := func() {}
			defer func() { told() }()
			return run(ctx, settings, newLog(settings.Logging, os.Stdout), func(p *program) {
				told = tellServiceManager(ctx, p)
			})
		},
	}
}

// untilSignal is a context that ends with the first SIGTERM or SIGINT. The second one then ends the process as if nobody
// listened: who sends it does not want to wait.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
