package main

import "github.com/spf13/cobra"

func newClusterCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "cluster",
		Short: "Look at the nodes of a cluster, and have one drain",
		Long: `Look at the registrars that act as one (cluster.enabled), and have one of them give away what it owns. The settings are
those of the nodes: the commands ask what knows the members, Redis or etcd, and reach no node.`,
	}
	addClusterLooks(group)
	return group
}
