package certificates

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sbc-registrar/tlsfiles"
)

const year = 365 * 24 * time.Hour

func read(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestACertificateIsOfItsHostsAndForBothSides(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "certs")
	made, fresh, err := Make(folder, [][]string{{"node1.example.com", "10.0.0.1", "2001:db8::1"}, {"fd00::1"}}, time.Now(), year)
	if err != nil || !fresh || len(made) != 2 {
		t.Fatalf("made %v, %t, %v", made, fresh, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(read(t, made[0].CA))
	for _, node := range made {
		for _, host := range node.Hosts {
			for _, side := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
				_, err := read(t, node.Cert).Verify(x509.VerifyOptions{DNSName: host, Roots: roots, KeyUsages: []x509.ExtKeyUsage{side}})
				if err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := read(t, node.Cert).Verify(x509.VerifyOptions{DNSName: "other.example.com", Roots: roots}); err == nil {
			t.Error("it is good for another host")
		}
		if _, err := OpenPeers(tlsfiles.Names{CA: node.CA, Cert: node.Cert, Key: node.Key}, func(error) {}); err != nil {
			t.Error(err)
		}
	}
	if end := read(t, made[0].Cert).NotAfter; end.Before(time.Now().Add(year-time.Minute)) || end.After(time.Now().Add(year)) {
		t.Errorf("it ends on %s", end)
	}
	private := []string{filepath.Join(folder, "ca-key.pem"), made[0].Key, made[1].Key, folder}
	for _, path := range private {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v %v", path, info.Mode(), err)
		}
	}
}

func TestANodeMoreIsSignedByTheSameAuthority(t *testing.T) {
	folder := t.TempDir()
	if _, _, err := Make(folder, [][]string{{"a"}}, time.Now(), year); err != nil {
		t.Fatal(err)
	}
	before := read(t, filepath.Join(folder, "ca.pem"))
	made, fresh, err := Make(folder, [][]string{{"b"}}, time.Now(), 20*year)
	if err != nil || fresh {
		t.Fatalf("%t, %v", fresh, err)
	}
	more := read(t, made[0].Cert)
	if err := more.CheckSignatureFrom(before); err != nil || !before.Equal(read(t, made[0].CA)) {
		t.Errorf("it is signed by another: %v", err)
	}
	if !more.NotAfter.Equal(before.NotAfter) {
		t.Errorf("it ends on %s, its authority on %s", more.NotAfter, before.NotAfter)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	folder := t.TempDir()
	if _, _, err := Make(folder, [][]string{{"a"}}, time.Now(), year); err != nil {
		t.Fatal(err)
	}
	before := contents(t, folder)
	for _, nodes := range [][][]string{{{"a"}}, {{"b"}, {"a", "c"}}, {{"b"}, {"b"}}, {{"ca"}}} {
		if _, _, err := Make(folder, nodes, time.Now(), year); err == nil {
			t.Errorf("%v is made", nodes)
		}
	}
	if _, _, err := Make(folder, [][]string{{"a"}}, time.Now(), year); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
	same(t, before, contents(t, folder))
}

func TestAnAuthorityThatCannotSignIsSaidSo(t *testing.T) {
	folder := t.TempDir()
	if _, _, err := Make(folder, [][]string{{"a"}}, time.Now(), year); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Make(folder, [][]string{{"b"}}, time.Now().Add(11*year), year); err == nil {
		t.Error("one that has expired signs")
	}
	if err := os.Remove(filepath.Join(folder, "ca-key.pem")); err != nil {
		t.Fatal(err)
	}
	before := contents(t, folder)
	if _, _, err := Make(folder, [][]string{{"b"}}, time.Now(), year); err == nil {
		t.Error("one without key signs")
	}
	same(t, before, contents(t, folder))
}

func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[entry.Name()] = string(text)
	}
	return out
}

func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	if len(before) != len(after) {
		t.Errorf("there are other files: %d, not %d", len(after), len(before))
	}
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s has changed", name)
		}
	}
}
