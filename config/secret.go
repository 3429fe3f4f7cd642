package config

import (
	"fmt"
	"net/url"
)

// mask is what a secret looks like from outside; its length says nothing about the secret's.
const mask = "********"

// A Secret prints, formats and marshals as asterisks ("" stays ""). Only Reveal tells it.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is the masked form.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format masks the secret under every verb; without it %x or %#v would tell it.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText masks the secret in JSON, YAML and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A CallbackURL is the URL of a web callback. User information and query values may be secrets there, therefore they
// print and marshal masked.
type CallbackURL string

// Reveal returns the URL as it was configured.
func (u CallbackURL) Reveal() string { return string(u) }

// String is the masked form.
func (u CallbackURL) String() string {
	if u == "" {
		return ""
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Host == "" {
		return mask
	}
	shown := parsed.Scheme + "://"
	if parsed.User != nil {
		shown += mask + "@"
	}
	shown += parsed.Host + parsed.EscapedPath()
	if parsed.RawQuery != "" {
		shown += "?" + mask
	}
	return shown
}

// Format masks the URL under every verb.
func (u CallbackURL) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(u.String())) }

// MarshalText masks the URL in JSON, YAML and TOML.
func (u CallbackURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
