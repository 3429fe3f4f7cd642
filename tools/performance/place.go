package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// A place is where and with what was measured. It has no date: the history of the file has it.
type place struct {
	CPU, System, Go, Redis, Command string
	Cores                           int
}

func describePlace(ctx context.Context, binary string) (place, error) {
	info, err := buildinfo.ReadFile(binary)
	if errors.Is(err, fs.ErrNotExist) {
		return place{}, fmt.Errorf("%w: build it first, with make build", err)
	}
	if err != nil {
		return place{}, err
	}
	redis, err := output(ctx, "redis-server", "--version")
	if err != nil {
		return place{}, err
	}
	return place{
		CPU: cpuModel(), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Go: strings.TrimPrefix(info.GoVersion, "go"), Redis: redisVersion(string(redis)),
	}, nil
}

// cpuModel is the name of the first processor; "unknown" where nothing tells it.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	return modelIn(string(text))
}

const unknown = "unknown"

func modelIn(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

// redisVersion reads "Redis server v=7.0.15 sha=…".
func redisVersion(text string) string {
	_, after, _ := strings.Cut(text, "v=")
	version, _, _ := strings.Cut(after, " ")
	return strings.TrimSpace(version)
}
