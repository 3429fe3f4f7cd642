// Package certificates is about how the nodes of a cluster know each other: it makes their certificates, and the TLS between them.
//
// # Who may be a node
//
// Whoever has a certificate of the cluster's authority. [Peers] demands one of both sides, of whoever connects and of whoever is
// connected to, and the latter must have it for the host that was dialled, which is the one that it advertises. Therefore the authority
// must be the cluster's own: one that signs other things as well lets those in, too.
//
// TLS is 1.3 at least. There are no session tickets: each connection verifies the certificates as they are now. A connection
// that is open stays open when a certificate expires.
//
// # Where certificates come from
//
// From whatever issues certificates where the nodes run. For trying things out, and for clusters of a few nodes that one person looks
// after, [Make] is an authority in a directory: the key that signs lies beside the certificates, so the directory belongs on the
// operator's machine and not on the nodes. Nothing here revokes a certificate: a node that must be kept out means a new authority.
//
// Files of certificates are followed when they change (package tlsfiles).
package certificates
