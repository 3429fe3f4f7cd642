// Package authhook asks the customer's web callback whether a REGISTER may pass.
//
// A Client sends one HTTP request per question and reads one JSON object as the answer. Whatever the callback clearly
// says is a registration.Verdict, a refusal too. An *Error means that nothing could be found out: no answer in time, a
// broken connection, a status other than 200, a body that is not exactly what was agreed. Nothing of that ever grants
// anything, and the HTTP status of the callback never becomes a SIP status.
//
// The question is what callbacks in the field already understand, down to the order of its members: numbers for expires and
// source_port, strings for everything else, what the client left out left out (the algorithm alone is then named MD5), header
// names as drachtio's Node.js client shows them, and the very bytes that JSON.stringify would write, since signatures are
// checked against those.
//
// The answer may be unclear, so reading it is strict: one JSON object and nothing behind it, every known key at most once
// and of its type, at most 16 KB on the wire. Keys that nobody here knows are ignored, for callbacks serve others too.
//
// Beside what callbacks have always answered there is auth_valid, in seconds: refreshes of an unchanged binding may rest on an ok for so long
// without asking again (rule 53), never longer than the ok grants, which is also what its absence means. 0 asks each time.
//
// A Client is safe for concurrent use. It keeps HTTP/1.1 connections of its own, at most Options.Concurrency in use: no proxy from
// the environment, no redirects (they would carry the digest to whoever is named), no cookies, no compression. Each is used for
// Options.ConnectionLifetime at most, and its host's name is looked up when it is opened, so that a change of DNS is followed. When
// one that was kept breaks or falls silent, the idle ones to the same address are dropped with it. Close drops the idle ones;
// questions in flight run to their end.
//
// A question is put again, once and on a new connection, only when a kept connection broke before a byte of the answer came, a
// sixth of the time-out is left, and no more than one question in ten is put again. What breaks is a connection that the callback
// had closed, or one to a host that acknowledges nothing for a third of the time-out. The Idempotency-Key, which is the id of the
// SIP transaction, tells the callback that it is the same question. All else is the client's to repeat: it is told when.
//
// Deadlines: each question, from the lookup of the name to the end of the answer, takes at most Options.Timeout and never outlives
// its context.
//
// Files of TLS are looked at for each new connection and read anew when they have changed.
//
// Never in an error: the callback's URL, the password, the signature and its secret, the digest response. What the
// callback sent appears as a short printable excerpt, and not at all when it repeats one of these.
package authhook
