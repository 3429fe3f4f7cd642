// Package node makes this process a node among others: it keeps its lease, knows who owns which shard, and is how actors of different
// nodes reach each other.
//
// It stands on protoactor's cluster module through its extension points: the members come from leases (package cluster), and a shard, the
// grain, is found through the door of the node that owns it, so that no PID is remembered after a shard has moved. The module
// brings the server and the connections between nodes.
package node
