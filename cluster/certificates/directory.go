package certificates

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Node is what Make has made for one node: the files for its settings.
type Node struct {
	Hosts         []string
	CA, Cert, Key string // paths
}

const (
	authorityName = "ca"
	certSuffix    = ".pem"
	keySuffix     = "-key.pem"
)

// Make issues certificates for nodes, each given by its hosts, and writes them to a directory: HOST.pem and HOST-key.pem,
// named after its first host. The authority is that of the directory, ca.pem and ca-key.pem; when there is none it is made, valid for
// ten times as long. Nothing is overwritten: when a file is there already, none is written.
func Make(directory string, nodes [][]string, now time.Time, validity time.Duration) (made []Node, fresh bool, err error) {
	d := folder{path: directory}
	for _, hosts := range nodes {
		node := Node{Hosts: hosts, CA: d.file(authorityName, certSuffix), Cert: d.file(hosts[0], certSuffix), Key: d.file(hosts[0], keySuffix)}
		made = append(made, node)
	}
	if err := free(made); err != nil {
		return nil, false, err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, false, err
	}
	authority, fresh, err := d.authority(now, validity)
	if err == nil {
		err = d.issue(authority, made, now, validity)
	}
	if err != nil {
		d.undo()
		return nil, false, err
	}
	return made, fresh, nil
}

// free refuses files that are there, or that would be written twice.
func free(nodes []Node) error {
	seen := map[string]bool{nodes[0].CA: true}
	for _, node := range nodes {
		if seen[node.Cert] {
			return fmt.Errorf("two certificates would be %s: name each node once, and none %s", node.Cert, authorityName)
		}
		seen[node.Cert] = true
		for _, path := range []string{node.Cert, node.Key} {
			if _, err := os.Lstat(path); err == nil {
				return fmt.Errorf("%s is there already, and is not overwritten: %w", path, os.ErrExist)
			}
		}
	}
	return nil
}

// A folder is where files are written, and knows which it has written.
type folder struct {
	path    string
	written []string
}

// file is the path of a file about a host; those of IPv6 addresses have no colons.
func (d *folder) file(host, suffix string) string {
	return filepath.Join(d.path, strings.ReplaceAll(host, ":", "-")+suffix)
}

func (d *folder) issue(authority *Authority, nodes []Node, now time.Time, validity time.Duration) error {
	for _, node := range nodes {
		pair, err := authority.Issue(node.Hosts, now, now.Add(validity))
		if err != nil {
			return err
		}
		if err := d.write(pair, node.Cert, node.Key); err != nil {
			return err
		}
	}
	return nil
}

// authority is the one of the directory, or a new one.
func (d *folder) authority(now time.Time, validity time.Duration) (authority *Authority, fresh bool, err error) {
	certFile, keyFile := d.file(authorityName, certSuffix), d.file(authorityName, keySuffix)
	cert, noCert := os.ReadFile(certFile)
	key, noKey := os.ReadFile(keyFile)
	if errors.Is(noCert, os.ErrNotExist) && errors.Is(noKey, os.ErrNotExist) {
		const longer = 10
		if authority, err = NewAuthority(now, now.Add(longer*validity)); err != nil {
			return nil, false, err
		}
		pair, err := authority.Pair()
		if err != nil {
			return nil, false, err
		}
		return authority, true, d.write(pair, certFile, keyFile)
	}
	if err := errors.Join(noCert, noKey); err != nil {
		return nil, false, fmt.Errorf("read the authority of %s: %w", d.path, err)
	}
	authority, err = ReadAuthority(Pair{cert, key})
	if err == nil && now.After(authority.certificate.NotAfter) {
		err = fmt.Errorf("the authority of %s has expired on %s: make another directory", d.path, authority.certificate.NotAfter.Format(time.DateOnly))
	}
	return authority, false, err
}

func (d *folder) write(pair Pair, certFile, keyFile string) error {
	if err := d.create(keyFile, pair.Key, 0o600); err != nil {
		return err
	}
	return d.create(certFile, pair.Cert, 0o644)
}

// create writes a file that is not there.
func (d *folder) create(path string, text []byte, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	d.written = append(d.written, path)
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// undo removes what was written.
func (d *folder) undo() {
	for _, path := range d.written {
		_ = os.Remove(path) // there is an error to tell of already
	}
}
