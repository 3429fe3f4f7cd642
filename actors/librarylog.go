package actors

import (
	"context"
	"log/slog"

	"github.com/rs/zerolog"
)

// libraryLog is what the actor library logs to: the program's log, at warn and above only, and without the attributes in
// which it prints whole messages and panics. What it calls an error is at warn as well: that another node stops is one to it.
func libraryLog(log zerolog.Logger) *slog.Logger {
	return slog.New(redacting{zerolog.NewSlogHandler(log.With().Str("event", "actors.library").Logger())})
}

// redacting drops attributes that may hold a message of ours, and with it credentials.
type redacting struct{ next slog.Handler }

var telltale = map[string]bool{"message": true, "reason": true, "exception": true, "msg": true}

// Enabled implements slog.Handler. The library says at info what our supervision and answers tell better.
func (r redacting) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && r.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (r redacting) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, min(record.Level, slog.LevelWarn), record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if !telltale[a.Key] {
			clean.AddAttrs(a)
		}
		return true
	})
	return r.next.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (r redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	kept := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		if !telltale[a.Key] {
			kept = append(kept, a)
		}
	}
	return redacting{r.next.WithAttrs(kept)}
}

// WithGroup implements slog.Handler.
func (r redacting) WithGroup(name string) slog.Handler { return redacting{r.next.WithGroup(name)} }
