package main

import "github.com/spf13/cobra"

func newClusterCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "cluster",
		Short: "Look at the nodes of a cluster, have one drain, make their certificates",
		Long: `Look at the registrars that act as one (cluster.enabled), and have one of them give away what it owns. The settings are
those of the nodes: the commands ask what knows the members, Redis or etcd, and reach no node.

Or make certificates for the nodes, for which no settings are needed.`,
	}
	addClusterLooks(group)
	group.AddCommand(newClusterCertsCommand())
	return group
}
