package tlsfiles_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sbc-registrar/cluster/certificates"
	"sbc-registrar/tlsfiles"
)

// A followed is a configuration with its files and what it told of them.
type followed struct {
	*testing.T
	*tlsfiles.Config
	names     tlsfiles.Names
	authority *certificates.Authority
	notices   []error
}

func follow(t *testing.T) *followed {
	folder := t.TempDir()
	f := &followed{T: t, names: tlsfiles.Names{
		CA: filepath.Join(folder, "ca.pem"), Cert: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem"),
	}}
	var err error
	f.authority, err = certificates.NewAuthority(time.Now(), time.Now().Add(time.Hour))
	f.must(err)
	ca, err := f.authority.Pair()
	f.must(err)
	f.write(f.names.CA, ca.Cert)
	first := f.issue("first")
	f.write(f.names.Cert, first.Cert)
	f.write(f.names.Key, first.Key)
	f.Config, err = tlsfiles.Open(f.names, build, func(err error) { f.notices = append(f.notices, err) })
	f.must(err)
	return f
}

func build(m tlsfiles.Material) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: m.Authorities, Certificates: m.Certificates}
}

func (f *followed) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *followed) issue(host string) certificates.Pair {
	f.Helper()
	pair, err := f.authority.Issue([]string{host}, time.Now(), time.Now().Add(time.Hour))
	f.must(err)
	return pair
}

// write puts a file in place at once, as those who renew certificates do.
func (f *followed) write(path string, text []byte) {
	f.Helper()
	f.must(os.WriteFile(path+".new", text, 0o600))
	f.must(os.Rename(path+".new", path))
}

// expect tells whose certificate is in use, and what was told since the last time: "" is that files were read.
func (f *followed) expect(host string, notices ...string) {
	f.Helper()
	for range 2 {
		if name := f.Current().Certificates[0].Leaf.Subject.CommonName; name != host {
			f.Errorf("the certificate of %q is in use, want %q", name, host)
		}
	}
	if before := f.Current(); before != f.Current() {
		f.Error("the same files are read twice")
	}
	if len(f.notices) != len(notices) {
		f.Fatalf("it told %v, want %q", f.notices, notices)
	}
	for i, text := range notices {
		if err := f.notices[i]; (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
			f.Errorf("it told %v, want %q", err, text)
		}
	}
	f.notices = nil
}

// A certificate comes before its key: until both are there, the old ones are used.
func TestHalfARenewalIsWaitedFor(t *testing.T) {
	f := follow(t)
	second := f.issue("second")
	f.write(f.names.Cert, second.Cert)
	f.expect("first", "load the certificate")
	f.write(f.names.Key, second.Key)
	f.expect("second", "")
}

func TestFilesThatAreGoneOrBrokenLeaveInForceWhatWasRead(t *testing.T) {
	f := follow(t)
	f.must(os.Remove(f.names.CA))
	f.expect("first", "read the CA file")
	f.write(f.names.CA, []byte("garbage"))
	f.expect("first", "no certificate in the CA file")
	ca, err := f.authority.Pair()
	f.must(err)
	f.write(f.names.CA, ca.Cert)
	f.expect("first", "")
}

func TestFilesThatCannotBeUsedAtFirstAreAnError(t *testing.T) {
	f := follow(t)
	for name, names := range map[string]tlsfiles.Names{
		"no CA file":           {CA: "/nowhere/ca.pem"},
		"a CA without any":     {CA: f.names.Key},
		"half a pair":          {Cert: f.names.Cert},
		"the other half":       {Key: f.names.Key},
		"what belongs apart":   {Cert: f.names.CA, Key: f.names.Key},
		"a key that is no PEM": {Cert: f.names.Cert, Key: "/dev/null"},
	} {
		if _, err := tlsfiles.Open(names, build, func(error) {}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if c, err := tlsfiles.Open(tlsfiles.Names{}, build, func(error) {}); err != nil || c.Current().RootCAs != nil || c.Current().Certificates != nil {
		t.Errorf("without files: %v", err)
	}
}
