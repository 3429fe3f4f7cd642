// Package cluster lets several registrars act as one: each shard, and with it each address of record, has one owner among the
// nodes at a time, wherever its REGISTER arrives.
//
// # Membership
//
// Nodes hold leases in a [Registry], which each beats several times within its lease. Every beat returns the [View]: who is a member.
// From the members alone follows who owns which shard ([Owners]), so that nodes that see the same view agree without talking
// to each other. A node that finds its lease gone has been given up by the others: it is fenced, ends, and may come back under a new id.
//
// # What it rests on
//
// Nothing of correctness: two owners at a time do no harm, for the script in Redis decides (P20). Ownership makes it fast and keeps the
// order of one address of record in one place.
package cluster
