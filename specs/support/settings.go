package support

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Settings are a configuration in the shape of its file.
type Settings map[string]any

// Set sets one key, written with dots as in "redis.port".
func (s Settings) Set(path string, value any) {
	group, rest, nested := strings.Cut(path, ".")
	if !nested {
		s[group] = value
		return
	}
	inner, ok := s[group].(Settings)
	if !ok {
		inner = Settings{}
		s[group] = inner
	}
	inner.Set(rest, value)
}

// Remove takes one key away.
func (s Settings) Remove(path string) {
	group, rest, nested := strings.Cut(path, ".")
	if !nested {
		delete(s, group)
		return
	}
	if inner, ok := s[group].(Settings); ok {
		inner.Remove(rest)
	}
}

// File writes the settings as JSON into a fresh folder and returns the path.
func (s Settings) File() string {
	GinkgoHelper()
	text, err := json.MarshalIndent(s, "", "  ")
	Expect(err).NotTo(HaveOccurred())
	return File("registrar.json", string(text))
}

// File writes a file into a fresh folder and returns the path.
func File(name, text string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), name)
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	return path
}
