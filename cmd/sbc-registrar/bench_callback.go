package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sbc-registrar/demo"
	"sbc-registrar/load"
)

// newBenchCallbackCommand is the callback of bench by itself. Bench runs it, too: in a process of its own its CPU time can be
// told from that of the load.
func newBenchCallbackCommand() *cobra.Command {
	var population populationFlags
	var o load.CallbackOptions
	cmd := &cobra.Command{
		Use:   "callback",
		Short: "Run the callback that knows the users of bench",
		Long: `Runs a web callback that knows the users of bench and checks their digests: for registrars that bench puts under load
but does not start. It answers questions of both generations of the contract. GET /calls tells how many it has got. The
first line that it writes is its URL.`,
		Example: `  sbc-registrar bench callback --listen 127.0.0.1:4000 --users 100000
  sbc-registrar bench callback --listen 127.0.0.1:4000 --latency 5ms --concurrency 8   # at most 1,600 answers a second`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Population, err = population.population(); err != nil {
				return usageError(err)
			}
			if o.Latency < 0 || o.Concurrency < 0 {
				return usageError(errors.New("--latency and --concurrency cannot be negative"))
			}
			o.Address = address(o.Address)
			callback, err := load.StartCallback(o)
			if err != nil {
				return taken("listen", err)
			}
			ctx, release := untilSignal(cmd.Context())
			defer release()
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), callback.URL())
			<-ctx.Done()
			closing, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = callback.Close(closing) // who is cut off had been told to end before us
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.Address, "listen", "127.0.0.1:3081", "`address` or port to listen on")
	flags.DurationVar(&o.Latency, "latency", 0, "take so long for each answer")
	flags.IntVar(&o.Concurrency, "concurrency", 0, "work on so many questions at once only; the others wait")
	population.add(flags)
	return cmd
}

// newBenchRedisCommand is the Redis of bench, in a process of its own for the same reason.
func newBenchRedisCommand() *cobra.Command {
	listen := ""
	cmd := &cobra.Command{
		Use:    "redis",
		Short:  "Run the embedded Redis of bench",
		Hidden: true,
		Long: `Runs the embedded Redis of bench, which forgets everything when it ends. The first line that it writes is its
address. It is there for bench itself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			redis, err := demo.StartRedis(address(listen))
			if err != nil {
				return taken("listen", err)
			}
			defer redis.Close()
			ctx, release := untilSignal(cmd.Context())
			defer release()
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), redis.Addr())
			<-ctx.Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:6380", "`address` or port to listen on")
	return cmd
}
