// Package systemd holds the units for systemd, and checks that they fit the program.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// settings are the lines of a unit, by key; what is set twice has its values joined.
func settings(t *testing.T, unit string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			found[key] = strings.TrimSpace(found[key] + " " + value)
		}
	}
	return found
}

func seconds(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheServiceFitsTheProgram(t *testing.T) {
	unit := settings(t, "sbc-registrar.service")
	if stop := seconds(t, unit["TimeoutStopSec"]); stop < 12*time.Second || stop > 20*time.Second {
		t.Errorf("it is killed %s after SIGTERM: a drain takes up to 10 s, and a little more", stop)
	}
	if start := seconds(t, unit["TimeoutStartSec"]); start < 15*time.Second {
		t.Errorf("it is given up %s after its start: it may say so 10 s after", start)
	}
	if watchdog := seconds(t, unit["WatchdogSec"]); watchdog < 20*time.Second {
		t.Errorf("the watchdog waits %s: an overload may last for longer than the actors then have", watchdog)
	}
	for key, want := range map[string]string{
		"Type": "notify", "Restart": "always", "RestartPreventExitStatus": "2", "NoNewPrivileges": "yes",
		"ProtectSystem": "strict", "CapabilityBoundingSet": "", "User": "sbc-registrar",
		"ExecStart": "/usr/bin/sbc-registrar serve --config /etc/sbc-registrar/registrar.yaml",
	} {
		if got, set := unit[key]; got != want || !set {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
}

// TestSystemdUnderstandsTheUnits asks systemd where it is installed. Elsewhere a typing error would pass.
func TestSystemdUnderstandsTheUnits(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd is not installed: nobody to ask")
		return
	}
	folder := t.TempDir()
	program := filepath.Join(folder, "sbc-registrar")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"verify", "--man=no"}
	for _, unit := range []string{"sbc-registrar.service", "sbc-registrar.socket"} {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(folder, unit)
		here := strings.ReplaceAll(string(text), "/usr/bin/sbc-registrar", program)
		if err := os.WriteFile(copied, []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, copied)
	}
	output, err := exec.Command(verify, arguments...).CombinedOutput()
	for line := range strings.Lines(string(output)) {
		if strings.Contains(line, "sbc-registrar") { // other units of this machine are not ours to judge
			t.Error(strings.TrimSpace(line))
		}
	}
	if err != nil && t.Failed() {
		t.Errorf("systemd-analyze verify: %v", err)
	}
}
