package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// standardLog takes what libraries write to the log of the standard library, which would go to stderr as it is. What they quote
// may come from outside and hold anything, credentials that a callback sent back among them: all from the first quotation mark on is
// left out. Whoever makes them write can make them write often: so many lines a minute are enough.
type standardLog struct{ log zerolog.Logger }

const (
	standardLines  = 10 // a minute
	standardLength = 200
)

// takeStandardLog makes the program's log the default of log/slog, and thereby of log.
func takeStandardLog(log zerolog.Logger) {
	sparing := log.Sample(&zerolog.BurstSampler{Burst: standardLines, Period: time.Minute})
	slog.SetDefault(slog.New(standardLog{sparing}))
}

// Enabled implements slog.Handler.
func (s standardLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (s standardLog) Handle(_ context.Context, record slog.Record) error {
	text, _, _ := strings.Cut(record.Message, `"`)
	text, _, _ = strings.Cut(text, "\n")
	text = strings.TrimSpace(text[:min(len(text), standardLength)])
	s.log.Warn().Str("event", "program.library").Msg(text)
	return nil
}

// WithAttrs implements slog.Handler: attributes may hold anything.
func (s standardLog) WithAttrs([]slog.Attr) slog.Handler { return s }

// WithGroup implements slog.Handler.
func (s standardLog) WithGroup(string) slog.Handler { return s }
