// Package config turns a file, the environment and flags into one typed Settings value, or into one list of everything
// that is wrong with them.
//
// Layers, weakest first: defaults, the file (JSON, YAML or TOML by its extension), the environment, flags. Every key has
// the environment name SBC_REGISTRAR_ + its path in upper case with "_" for "."; some have aliases, and the own name wins
// over an alias. An empty environment variable counts as absent. Durations are written "30s" or as a number of seconds;
// lists may be written as comma lists everywhere.
//
// One table, read by reflection from the struct tags of Settings, is behind all of it: loading, unknown-key suggestions,
// flags, the printed defaults and the settings table of the README. A new key is a new struct field and nothing else.
// Defaults that depend on other keys are resolved in one place, resolve.go; keys that exclude each other are refused in
// one place, combinations.go.
//
// Settings are read once and never change afterwards: share them freely. Secrets have the type Secret, which prints and
// marshals as asterisks; no error of this package quotes a secret value.
package config
