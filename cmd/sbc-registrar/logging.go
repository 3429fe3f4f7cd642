package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"sbc-registrar/config"
	"sbc-registrar/redisstore"
)

// newLog makes the program's log: JSON lines for machines, pretty lines for a person at a terminal. The level was checked
// with the settings; one that is not known means info.
func newLog(s config.Logging, out io.Writer) zerolog.Logger {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	zerolog.DurationFieldUnit = time.Millisecond
	level, err := zerolog.ParseLevel(s.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	if s.Format == "pretty" || s.Format == "auto" && isTerminal(out) {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000", NoColor: !isTerminal(out), FormatPrepare: neutralEvent}
	} else {
		out = neutralJSON{out}
	}
	log := zerolog.New(out).Level(level).With().Timestamp().Logger()
	redis.SetLogger(redisLog{log})
	takeStandardLog(log)
	return log
}

// redisLog takes what go-redis would write to stderr. It tells of single connections, whose failures the store reports as
// far as they matter: that is for who looks for something.
type redisLog struct{ log zerolog.Logger }

// Printf implements the logger of go-redis.
func (r redisLog) Printf(_ context.Context, format string, v ...any) {
	r.log.Debug().Str("event", "redis.library").Msg(redisstore.WithoutArguments(fmt.Sprintf(format, v...)))
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
