package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A buildInfo says which program this is, as the Go linker recorded it.
type buildInfo struct {
	version  string // of the module; devel when it was built from no tagged commit
	revision string // of the repository, "" when it was built outside one
	time     string // of that revision
	dirty    bool   // the sources differed from the revision
	golang   string
}

func buildVersion() buildInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return buildInfo{version: "devel", golang: runtime.Version()}
	}
	return readBuildInfo(info)
}

// version is the bare version of this program.
func version() string { return buildVersion().version }

func readBuildInfo(info *debug.BuildInfo) buildInfo {
	b := buildInfo{version: info.Main.Version, golang: info.GoVersion}
	if b.version == "" || b.version == "(devel)" {
		b.version = "devel"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.revision = setting.Value
		case "vcs.time":
			b.time = setting.Value
		case "vcs.modified":
			b.dirty = setting.Value == "true"
		}
	}
	return b
}

// String is one line: version, revision and Go version.
func (b buildInfo) String() string {
	revision := "unknown revision"
	if b.revision != "" {
		revision = "revision " + b.revision
		if b.time != "" {
			revision += " of " + b.time
		}
		if b.dirty {
			revision += ", modified"
		}
	}
	return fmt.Sprintf("%s (%s, %s)", b.version, revision, b.golang)
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Long: `Says which version this is, from which revision of the sources it was built, whether they were
modified, and with which Go.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(command.OutOrStdout(), "sbc-registrar %s\n", buildVersion())
			return err
		},
	}
}
