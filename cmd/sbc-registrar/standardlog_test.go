package main

import (
	"bytes"
	"io"
	"log"
	"log/slog"
	"strings"
	"testing"

	"sbc-registrar/config"
)

func TestWhatLibrariesLogQuotesNobody(t *testing.T) {
	var out bytes.Buffer
	_ = newLog(config.Logging{Level: "info", Format: "json"}, &out)
	t.Cleanup(func() { _ = newLog(config.Logging{Level: "silent"}, io.Discard) })
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=<nil>", "HTTP/1.1 200 OK\r\n\r\ns3cret")
	slog.Error("a panic\ngoroutine 1: s3cret", "value", "s3cret")
	log.Print(strings.Repeat("x", 1000))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || strings.Contains(out.String(), "s3cret") || len(lines[2]) > 400 {
		t.Fatalf("it wrote %q", out.String())
	}
	if !strings.Contains(lines[0], `"event":"program.library"`) ||
		!strings.Contains(lines[0], `"message":"Unsolicited response received on idle HTTP channel starting with"`) {
		t.Errorf("it wrote %s", lines[0])
	}
	for range 1000 {
		log.Print("again")
	}
	if n := strings.Count(out.String(), "\n"); n > standardLines {
		t.Errorf("it wrote %d lines", n)
	}
}
