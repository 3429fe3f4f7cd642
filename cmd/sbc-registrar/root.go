package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sbc-registrar/config"
)

// Exit statuses.
const (
	exitClean   = 0
	exitFailure = 1
	exitUsage   = 2 // the command line or the configuration is wrong: trying again will not help
)

const configFlag = "config"

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "sbc-registrar",
		Short: "SIP registrar behind drachtio servers",
		Long: `sbc-registrar answers the SIP REGISTERs that drachtio servers hand over. A web callback of
yours decides who may register; the registrations are kept in Redis, where your other programs
find each user's contact, protocol and server.

Settings come from, weakest first: defaults, the file given with --config (JSON, YAML or TOML), the
environment, flags. The key redis.port is SBC_REGISTRAR_REDIS_PORT in the environment and
--set redis.port=6380 on the command line. "sbc-registrar config defaults" lists every key.

The exit status is 0 after a clean end, 1 after a failure, and 2 when the command line or the
configuration is wrong.`,
		Example: `  sbc-registrar demo                               # try it: nothing else is needed
  sbc-registrar config defaults > registrar.yaml   # a file to start from
  sbc-registrar config check -c registrar.yaml     # is it right?
  sbc-registrar serve -c registrar.yaml            # run
  DRACHTIO_HOST=10.0.0.5 SBC_REGISTRAR_AUTHCALLBACK_URI=https://example.com/auth sbc-registrar serve`,
		Version:       buildVersion().String(),
		SilenceErrors: true, // execute prints them, once
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "look", Title: "Look:"})
	serve, registrations, nodes, configuration := newServeCommand(), newRegistrationsCommand(), newClusterCommand(), newConfigCommand()
	for _, command := range []*cobra.Command{serve, registrations, nodes, configuration} {
		addSettingsFlags(command)
	}
	addTo(root, "run", serve, newDemoCommand(), newBenchCommand())
	addTo(root, "look", registrations, nodes, configuration, newVersionCommand())
	return root
}

func addTo(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, command := range commands {
		command.GroupID = group
		if command.HasSubCommands() && command.RunE == nil {
			command.Args, command.RunE = cobra.NoArgs, wantSubcommand
		}
		root.AddCommand(command)
	}
}

// wantSubcommand is what a mere group of commands runs. Without it cobra takes "config chek" for a wish for help, and
// ends with status 0.
func wantSubcommand(group *cobra.Command, _ []string) error {
	var names []string
	for _, command := range group.Commands() {
		names = append(names, command.Name())
	}
	return usageError(fmt.Errorf("%s needs one of: %s", group.Name(), strings.Join(names, ", ")))
}

// addSettingsFlags adds --config and the flags of package config to a command that reads settings, and to those below it.
func addSettingsFlags(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringP(configFlag, "c", os.Getenv(config.FileVariable), "Configuration `file`: JSON, YAML or TOML by its extension (environment: "+config.FileVariable+").")
	config.AddFlags(flags)
	// These fail for flags that do not exist only.
	_ = command.MarkPersistentFlagFilename(configFlag, "yaml", "yml", "json", "toml")
	_ = command.RegisterFlagCompletionFunc("set", completeKeys)
	_ = command.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions([]string{"trace", "debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	_ = command.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions([]string{"auto", "json", "pretty"}, cobra.ShellCompDirectiveNoFileComp))
}

func completeKeys(_ *cobra.Command, _ []string, written string) ([]string, cobra.ShellCompDirective) {
	var completions []string
	for _, key := range config.Keys() {
		if strings.HasPrefix(strings.ToLower(key.Path), strings.ToLower(written)) {
			completions = append(completions, key.Path+"=\t"+key.Help)
		}
	}
	return completions, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// loadSettings reads the settings of a command from its flags, its environment and its file.
func loadSettings(command *cobra.Command, checks ...config.Check) (config.Settings, error) {
	file, err := command.Flags().GetString(configFlag)
	if err != nil {
		return config.Settings{}, err
	}
	return config.Load(file, command.Flags(), checks...)
}

// execute runs the command line and returns the exit status. An error is printed here and nowhere else.
func execute(ctx context.Context, root *cobra.Command, arguments []string) int {
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	root.SetArgs(arguments)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitClean
	}
	fmt.Fprintf(root.ErrOrStderr(), "%s: %v\n", root.Name(), err)
	if _, wrong := errors.AsType[*config.Problems](err); wrong {
		return exitUsage
	}
	if _, wrong := errors.AsType[wrongUsage](err); wrong || !started {
		fmt.Fprintf(root.ErrOrStderr(), "See %q.\n", command.CommandPath()+" --help")
		return exitUsage
	}
	return exitFailure
}

type wrongUsage struct{ error }

func (w wrongUsage) Unwrap() error { return w.error }

// usageError marks a wrong command line that only the command itself can notice.
func usageError(err error) error { return wrongUsage{err} }

// exactly wants n arguments and says what they are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		if len(arguments) != n {
			return fmt.Errorf("%s wants %s", command.Name(), what)
		}
		return nil
	}
}
