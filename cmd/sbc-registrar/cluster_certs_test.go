package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sbc-registrar/cluster/certificates"
	"sbc-registrar/tlsfiles"
)

func TestCertificatesOfNodesAreMadeAndExplained(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "certs")
	status, out, problems := call(t, newRootCommand(), "cluster", "certs", "--dir", directory,
		"--host", "node1.example.com,10.0.0.1", "--host", "fd00::1", "--days", "30")
	if status != exitClean || problems != "" {
		t.Fatalf("exit %d: %s", status, problems)
	}
	for _, name := range []string{"node1.example.com", "fd00--1"} {
		files := tlsfiles.Names{
			CA: filepath.Join(directory, "ca.pem"), Cert: filepath.Join(directory, name+".pem"), Key: filepath.Join(directory, name+"-key.pem"),
		}
		if _, err := certificates.OpenPeers(files, func(error) {}); err != nil {
			t.Error(err)
		}
		for _, path := range []string{files.CA, files.Cert, files.Key} {
			if !strings.Contains(out, path) {
				t.Errorf("it does not name %s:\n%s", path, out)
			}
		}
	}
	if !strings.Contains(out, "Keep "+filepath.Join(directory, "ca-key.pem")) {
		t.Errorf("it does not warn of the key that signs:\n%s", out)
	}

	status, out, _ = call(t, newRootCommand(), "cluster", "certs", "--dir", directory, "--host", "node3")
	if status != exitClean || !strings.Contains(out, "Used the authority in "+directory) {
		t.Errorf("a node more: exit %d: %s", status, out)
	}
}

func TestCertificatesAreNotOverwritten(t *testing.T) {
	directory := t.TempDir()
	if status, _, problems := call(t, newRootCommand(), "cluster", "certs", "--dir", directory, "--host", "node1"); status != exitClean {
		t.Fatal(problems)
	}
	before, _ := os.ReadFile(filepath.Join(directory, "node1.pem"))
	status, out, problems := call(t, newRootCommand(), "cluster", "certs", "--dir", directory, "--host", "node2", "--host", "node1")
	if status != exitFailure || out != "" || !strings.Contains(problems, "is not overwritten") {
		t.Errorf("exit %d, %q, %q", status, out, problems)
	}
	after, _ := os.ReadFile(filepath.Join(directory, "node1.pem"))
	if _, err := os.Stat(filepath.Join(directory, "node2.pem")); string(before) != string(after) || err == nil {
		t.Error("something was written")
	}
}

func TestCertificatesOfNobodyAreAWrongCommandLine(t *testing.T) {
	for arguments, say := range map[string]string{
		"":                        "certs wants the host of each node",
		"--host ../../etc/passwd": `--host "../../etc/passwd": want a host name or an IP address`,
		"--host 10.0.0.1:3082":    "without a port",
		"--host node1, --days 3":  `--host ""`,
		"--host node1 --days 0":   "--days is 0",
		"--host node1 somewhere":  `unknown command "somewhere"`,
		"--host -node1":           `--host "-node1"`,
	} {
		t.Chdir(t.TempDir())
		status, out, problems := call(t, newRootCommand(), append([]string{"cluster", "certs"}, strings.Fields(arguments)...)...)
		if status != exitUsage || out != "" || !strings.Contains(problems, say) {
			t.Errorf("%q: exit %d, %q, %q, want exit 2 and %q", arguments, status, out, problems, say)
		}
		if files, _ := os.ReadDir("."); len(files) > 0 {
			t.Errorf("%q: it wrote %v", arguments, files)
		}
	}
}
