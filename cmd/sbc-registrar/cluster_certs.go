package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sbc-registrar/cluster/certificates"
)

const day = 24 * time.Hour

func newClusterCertsCommand() *cobra.Command {
	var directory string
	var hosts []string
	var days int
	command := &cobra.Command{
		Use:   "certs --host HOST[,HOST…]…",
		Short: "Make certificates for the nodes of a cluster",
		Long: `Makes a certificate and a key for each node, signed by an authority of their own, for trying things
out and for clusters that one person looks after. Where nodes get their certificates from elsewhere
anyway, use those: the authority must then be the cluster's own, for whoever it signs is let in.

Name each node by what the others reach it at, the host of its cluster.advertise: one --host for
each node, with further names or addresses of the same node behind commas.

The authority is made in the directory when there is none; later calls add nodes to it. Nothing is
overwritten. A node needs ca.pem, its own certificate and its own key; ca-key.pem signs whatever it
is asked to, and belongs on no node. Nodes use new files without a restart. Settings are not read.`,
		Example: `  sbc-registrar cluster certs --host 127.0.0.1,localhost
  sbc-registrar cluster certs --dir certs --host node1.example.com,10.0.0.1 --host node2.example.com --days 90`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			nodes, err := nodesToCertify(hosts)
			if err == nil && days < 1 {
				err = fmt.Errorf("--days is %d, want 1 at least", days)
			}
			if err != nil {
				return usageError(err)
			}
			made, fresh, err := certificates.Make(directory, nodes, time.Now(), time.Duration(days)*day)
			if err != nil {
				return fmt.Errorf("make certificates: %w", err)
			}
			return tellCertificates(command.OutOrStdout(), directory, made, fresh, time.Duration(days)*day)
		},
	}
	flags := command.Flags()
	flags.StringVar(&directory, "dir", "cluster-certs", "`directory` to write to")
	flags.StringArrayVar(&hosts, "host", nil, "`host` of a node, or several of the same node: name[,address…]; once for each node")
	flags.IntVar(&days, "days", 365, "`days` that the certificates are valid for; a new authority is for ten times as long")
	_ = command.MarkFlagDirname("dir") // it fails for a flag that does not exist only
	return command
}

// hostName is what a certificate may be for, and a file named after.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// nodesToCertify are the hosts of each node.
func nodesToCertify(flags []string) (nodes [][]string, err error) {
	if len(flags) == 0 {
		return nil, errors.New("certs wants the host of each node: --host HOST")
	}
	for _, flag := range flags {
		var hosts []string
		for host := range strings.SplitSeq(flag, ",") {
			host = strings.TrimSpace(host)
			if _, err := netip.ParseAddr(host); err != nil && !hostName.MatchString(host) {
				return nil, fmt.Errorf("--host %q: want a host name or an IP address, without a port", host)
			}
			hosts = append(hosts, host)
		}
		nodes = append(nodes, hosts)
	}
	return nodes, nil
}

// tellCertificates says what there is now, and how to use it.
func tellCertificates(out io.Writer, directory string, made []certificates.Node, fresh bool, validity time.Duration) error {
	var text strings.Builder
	if fresh {
		fmt.Fprintf(&text, "Made an authority for this cluster in %s. Keep %s where no node runs.\n", directory, filepath.Join(directory, "ca-key.pem"))
	} else {
		fmt.Fprintf(&text, "Used the authority in %s.\n", directory)
	}
	for _, node := range made {
		fmt.Fprintf(&text, "\n%s, until %s or the end of the authority, if that is sooner:\n\n", strings.Join(node.Hosts, ", "), time.Now().Add(validity).Format(time.DateOnly))
		fmt.Fprintf(&text, "  cluster.tls.ca    %s\n  cluster.tls.cert  %s\n  cluster.tls.key   %s\n", node.CA, node.Cert, node.Key)
	}
	fmt.Fprintf(&text, "\nCopy to each node its three files, where only the registrar can read the key, and start it with, for example,\n\n"+
		"  sbc-registrar serve --cluster --set cluster.tls.ca=%s --set cluster.tls.cert=%s --set cluster.tls.key=%s …\n", made[0].CA, made[0].Cert, made[0].Key)
	_, err := io.WriteString(out, text.String())
	return err
}
