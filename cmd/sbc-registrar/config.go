package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sbc-registrar/config"
)

func newConfigCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "config",
		Short: "Check, print or start a configuration",
		Long: `Looks at the configuration without running anything.

Settings come from, weakest first: defaults, the file (JSON, YAML or TOML by its extension), the
environment, flags. The environment name of a key is SBC_REGISTRAR_ and its path in upper case:
redis.port is SBC_REGISTRAR_REDIS_PORT. Some keys have further names, which "config defaults" shows;
the own name wins. An empty variable counts as absent. Durations are written 30s, 1h30m, or as a
number of seconds; a list may be written as a comma list.`,
	}
	command.AddCommand(newConfigCheckCommand(), newConfigPrintCommand(), newConfigDefaultsCommand())
	return command
}

func newConfigCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Say everything that is wrong with the configuration",
		Long: `Reads the configuration as serve would and lists everything that is wrong with it: unknown keys
and what was probably meant, wrong types, values out of range, combinations that cannot work,
certificate files that do not load. Nothing is connected to. The exit status is 2 when something is
wrong.`,
		Example: `  sbc-registrar config check -c registrar.yaml
  sbc-registrar config check -c registrar.yaml --set redis.schema=jambonz`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := loadSettings(command, config.ForServe)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), summary(settings))
			return err
		},
	}
}

// summary says in one line what serve would do.
func summary(s config.Settings) string {
	drachtio := "connects to drachtio at " + strings.Join(s.Drachtio.Addresses(), ", ")
	if s.Drachtio.Listening() {
		drachtio = "listens for drachtio on " + s.Drachtio.ListenAddress()
	}
	return fmt.Sprintf("The configuration is right: %s, keeps registrations in Redis at %s (schema %s), asks %s.",
		drachtio, strings.Join(s.Redis.Addresses(), ", "), s.Redis.Schema, strings.Join(callbacks(s), " and "))
}

// callbacks says who is asked.
func callbacks(s config.Settings) []string {
	var asked []string
	if s.AuthCallback.URI != "" {
		asked = append(asked, s.AuthCallback.URI.String())
	}
	if len(s.Realms) > 0 {
		asked = append(asked, fmt.Sprintf("the callbacks of %d realms", len(s.Realms)))
	}
	return asked
}

func newConfigPrintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "print",
		Short: "Print the settings in effect, and where each comes from",
		Long: `Prints every setting that would be in effect, as YAML, with its source beside it: a file, an
environment variable, a flag, "default", or "derived" for a default that depends on other settings.
Secrets are shown as asterisks.`,
		Example: `  sbc-registrar config print -c registrar.yaml
  sbc-registrar config print | grep -v '# default'`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := loadSettings(command)
			if err != nil {
				return err
			}
			return settings.Write(command.OutOrStdout())
		},
	}
}

func newConfigDefaultsCommand() *cobra.Command {
	format := "yaml"
	command := &cobra.Command{
		Use:   "defaults",
		Short: "Print a configuration file with every key and its default",
		Long: `Prints a configuration file with every key and its default: a file to start from. In YAML and TOML
a comment says what each key means.`,
		Example: `  sbc-registrar config defaults > registrar.yaml
  sbc-registrar config defaults --format json > registrar.json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if !slices.Contains(config.Formats(), format) {
				return usageError(fmt.Errorf("--format is %q, want one of %s", format, strings.Join(config.Formats(), ", ")))
			}
			return config.WriteDefaults(command.OutOrStdout(), format)
		},
	}
	command.Flags().StringVar(&format, "format", format, "Format: "+strings.Join(config.Formats(), ", ")+".")
	// It fails for a flag that does not exist only.
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(config.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return command
}
