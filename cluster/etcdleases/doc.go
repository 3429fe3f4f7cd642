// Package etcdleases keeps the leases of a cluster's members in etcd, for those who run one anyway. Below the prefix and the name of
// the cluster there are
//
//	revision      of the view. Whoever changes anything does so in one transaction, if nobody has changed this meanwhile
//	members/ID    what a member says of itself, since when it is one, and whether it is draining
//	alive/ID      is there as long as the member beats: it is tied to a lease of etcd, which each beat renews
//	gone/ID       the member's lease was ended. It is forgotten after cluster.Remembered
//
// Beats that change nothing write nothing, so that they add nothing to etcd's history.
//
// That alive/ID is gone ends nobody's lease. Somebody has to notice who could beat for a whole lease himself, without a pause of half a
// lease: so nobody ends anything after an outage before all others had the time to be back.
//
// A lease of etcd lasts for whole seconds, and for one and a half of its election time-outs at least.
package etcdleases
