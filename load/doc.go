// Package load plays drachtio servers and the phones behind them, to put an application of the control protocol under load: any
// application, in both ways to connect (see package drachtio).
//
// # What it plays
//
// Every server has phones of its own. When applications connect to it, it deals the requests to the connections that routed
// REGISTER, round robin; when it dials, each request has a connection of its own, which the application closes. An answer is
// accepted on any connection of its server, once: what comes twice, too late or to nobody's question is counted. Servers read
// all the time, whatever the application does.
//
// A phone registers without credentials, answers the challenge (RFC 7616, RFC 8760), and checks what it is told: the status, and
// that the 200 lists its Contact. It keeps the nonce for its next request and counts its uses. One that is told that its nonce is
// stale answers once more.
//
// # Time
//
// With a rate (open loop) requests are due at times that do not depend on the answers, and latency counts from the time a
// request was due: a server that stalls is charged for all that should have been sent meanwhile. Without one (closed loop) a
// number of deeds is under way, and each that ends lets the next begin. What ends in the warm-up, or after the window, is in no
// figure; mistakes are, whenever they are made.
//
// # Threads
//
// A [Generator] may be asked for its Progress from any goroutine. There is one goroutine that makes the load, two for each
// connection that an application opened and one for each that was opened to an application; none for each request, and no
// timer. One lock for each server guards its phones and transactions: whoever holds it computes and never waits for the network.
//
// # Cost
//
// It shares its machine with what it measures. A registration, two requests with the digest, takes less than 20 µs of CPU when
// many are under way, and a phone less than 150 bytes.
//
// Passwords are in no error and in no report.
package load
