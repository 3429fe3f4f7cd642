package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionOfABuild(t *testing.T) {
	tests := []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{GoVersion: "go1.26"}, "devel (unknown revision, go1.26)"},
		{debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "(devel)"}}, "devel (unknown revision, go1.26)"},
		{debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "false"},
		}}, "v1.2.3 (revision abc of 2026-01-02T03:04:05Z, go1.26)"},
		{debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
		}}, "v1.2.3 (revision abc, modified, go1.26)"},
	}
	for _, test := range tests {
		if got := readBuildInfo(&test.info).String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestVersionCommandAndFlagAgree(t *testing.T) {
	status, byCommand, _ := call(t, newRootCommand(), "version")
	_, byFlag, _ := call(t, newRootCommand(), "--version")
	if status != exitClean || byCommand != byFlag || !strings.HasPrefix(byCommand, "sbc-registrar "+version()+" (") {
		t.Errorf("exit %d, the command says %q, the flag %q", status, byCommand, byFlag)
	}
}
