package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sbc-registrar/actors"
	"sbc-registrar/cluster"
	"sbc-registrar/config"
	"sbc-registrar/registration"
)

// registryTime is how long a command waits for what knows the members.
const registryTime = 5 * time.Second

// addClusterLooks adds the commands that look at a cluster, and change who owns something in it. They ask the registry of the settings: no
// node has to be reached.
func addClusterLooks(group *cobra.Command) {
	var asJSON bool
	status := &cobra.Command{
		Use:   "status",
		Short: "Tell whether the cluster is well",
		Long: `Tell how many nodes the cluster has, and what of it is not as it should be. It exits 1 when there are no nodes, when
all are draining, or when nodes speak different languages.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRegistry(cmd, func(ctx context.Context, r cluster.Registry, s config.Settings) error {
				view, err := r.View(ctx)
				if err != nil {
					return fmt.Errorf("look at the cluster: %w", err)
				}
				return printStatus(cmd.OutOrStdout(), healthOf(s.Cluster.Name, view), asJSON)
			})
		},
	}
	members := &cobra.Command{
		Use:   "members",
		Short: "List the nodes of the cluster and what they own",
		Long: `List the nodes: where the others reach each, whether it is a member, draining or silent (its lease has run out, and nobody is
there to notice), how many of the 1,024 shards it owns, and for how long it has been there.`,
		Example: "  sbc-registrar cluster members --config /etc/sbc-registrar.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRegistry(cmd, func(ctx context.Context, r cluster.Registry, _ config.Settings) error {
				view, err := r.View(ctx)
				if err != nil {
					return fmt.Errorf("look at the cluster: %w", err)
				}
				return printMembers(cmd.OutOrStdout(), view, time.Now(), asJSON)
			})
		},
	}
	owner := &cobra.Command{
		Use:   "owner AOR",
		Short: "Tell which node takes care of an address of record",
		Long: `Tell which node takes care of an address of record, written user@host or as a SIP URI. It follows from who is a member
alone; nobody has to be registered. In the log of that node is what became of its REGISTERs.`,
		Example: "  sbc-registrar cluster owner daveh@example.com",
		Args:    exactly(1, "the address of record, such as daveh@example.com"),
		RunE: func(cmd *cobra.Command, args []string) error {
			aor, err := registration.ParseAOR(args[0])
			if err != nil {
				return usageError(fmt.Errorf("%q: %w", args[0], err))
			}
			return withRegistry(cmd, func(ctx context.Context, r cluster.Registry, _ config.Settings) error {
				view, err := r.View(ctx)
				if err != nil {
					return fmt.Errorf("look at the cluster: %w", err)
				}
				return printOwner(cmd.OutOrStdout(), view, aor, asJSON)
			})
		},
	}
	for _, look := range []*cobra.Command{status, members, owner} {
		look.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	}
	group.AddCommand(status, members, owner, newClusterDrainCommand())
}

func newClusterDrainCommand() *cobra.Command {
	var undo bool
	drain := &cobra.Command{
		Use:   "drain NODE",
		Short: "Have a node give away what it owns",
		Long: `Have a node, by its name or id, give what it owns to the others, and take nothing new. It is not ready any more, but goes on
to bring what still arrives at it to those who own it. Stop it afterwards, or take it back with --undo. A node that is stopped with
SIGTERM does this by itself.`,
		Example: "  sbc-registrar cluster drain sbc-2\n  sbc-registrar cluster drain --undo sbc-2",
		Args:    exactly(1, "the name or id of a node; see cluster members"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, func(ctx context.Context, r cluster.Registry, _ config.Settings) error {
				err := r.Drain(ctx, args[0], !undo)
				if errors.Is(err, cluster.ErrNoMember) {
					return fmt.Errorf("no node has the name or id %q: see cluster members", args[0])
				}
				if err != nil {
					return fmt.Errorf("drain %s: %w", args[0], err)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", args[0], map[bool]string{false: "drains", true: "owns its part again"}[undo])
				return err
			})
		},
	}
	drain.Flags().BoolVar(&undo, "undo", false, "let it own its part again")
	return drain
}

// withRegistry opens the registry of the settings for the time of one command.
func withRegistry(cmd *cobra.Command, use func(context.Context, cluster.Registry, config.Settings) error) error {
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	newLog(settings.Logging, cmd.ErrOrStderr())
	registry, err := openRegistry(settings)
	if err != nil {
		return err
	}
	defer func() { _ = registry.Close() }()
	ctx, cancel := context.WithTimeout(cmd.Context(), registryTime)
	defer cancel()
	return use(ctx, registry, settings)
}

// A clusterHealth is what status prints.
type clusterHealth struct {
	Name     string   `json:"name"`
	Revision int64    `json:"revision"`
	Members  int      `json:"members"`
	Draining int      `json:"draining"`
	Silent   int      `json:"silent"`
	Shards   int      `json:"shards"`
	Problems []string `json:"problems,omitempty"`
}

func healthOf(name string, view cluster.View) clusterHealth {
	h := clusterHealth{Name: name, Revision: view.Revision, Members: len(view.Members), Silent: len(view.Silent), Shards: actors.ShardCount}
	languages, names := map[int]bool{}, map[string]bool{}
	for _, m := range view.Members {
		languages[m.Protocol], names[m.Name] = true, true
		if m.Draining {
			h.Draining++
		}
	}
	problem := func(when bool, text string) {
		if when {
			h.Problems = append(h.Problems, text)
		}
	}
	problem(h.Members == 0, "no node is a member: is one running with cluster.enabled and this cluster.name, and the same redis?")
	problem(h.Members > 0 && h.Draining == h.Members, "all nodes are draining: they go on as if none were")
	problem(h.Silent > 0 && h.Silent == h.Members, "no node has been heard of for the time of a lease")
	problem(len(names) < h.Members, "two nodes have the same name (cluster.node): drachtio servers cannot tell their links apart")
	problem(len(languages) > 1, "nodes of two releases work together: finish the upgrade")
	return h
}

// printStatus prints what is known, and fails when something is wrong.
func printStatus(out io.Writer, h clusterHealth, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(out).Encode(h); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(out, "cluster %s: %d nodes (%d draining, %d silent), %d shards, revision %d\n",
		h.Name, h.Members, h.Draining, h.Silent, h.Shards, h.Revision); err != nil {
		return err
	}
	var problems []error
	for _, problem := range h.Problems {
		problems = append(problems, errors.New(problem))
	}
	return errors.Join(problems...)
}

// A memberRow is a node as it is printed.
type memberRow struct {
	cluster.Member

	Shards int  `json:"shards"`
	Silent bool `json:"silent,omitempty"`
}

// state is the word for how a member stands.
func (r memberRow) state() string {
	switch {
	case r.Silent:
		return "silent"
	case r.Draining:
		return "draining"
	default:
		return "member"
	}
}

func rowsOf(view cluster.View) []memberRow {
	owned := map[string]int{}
	owning := cluster.Owning(view)
	for _, owner := range cluster.Owners(idsOf(owning), actors.ShardCount) {
		owned[owning[owner].ID]++
	}
	rows := make([]memberRow, 0, len(view.Members))
	for _, m := range view.Members {
		rows = append(rows, memberRow{Member: m, Shards: owned[m.ID], Silent: slices.Contains(view.Silent, m.ID)})
	}
	return rows
}

func idsOf(members []cluster.Member) []string {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	return ids
}

func printMembers(out io.Writer, view cluster.View, now time.Time, asJSON bool) error {
	rows := rowsOf(view)
	if asJSON {
		encoder := json.NewEncoder(out)
		for _, row := range rows {
			if err := encoder.Encode(row); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAME\tADDRESS\tSTATE\tSHARDS\tVERSION\tSINCE\tID")
	for _, r := range rows {
		age := "-"
		if !r.Since.IsZero() {
			age = now.Sub(r.Since).Round(time.Second).String()
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", r.Name, r.Address, r.state(), r.Shards, r.Version, age, r.ID)
	}
	return table.Flush()
}

func printOwner(out io.Writer, view cluster.View, aor registration.AOR, asJSON bool) error {
	owning := cluster.Owning(view)
	if len(owning) == 0 {
		return errors.New("no node is a member of the cluster")
	}
	shard := actors.ShardOf(aor)
	owner := owning[cluster.Owners(idsOf(owning), actors.ShardCount)[shard]]
	if asJSON {
		return json.NewEncoder(out).Encode(map[string]any{"aor": aor.String(), "shard": shard, "node": owner.Name, "address": owner.Address, "id": owner.ID})
	}
	_, err := fmt.Fprintf(out, "%s is of shard %d, owned by %s at %s\n", aor, shard, owner.Name, owner.Address)
	return err
}
