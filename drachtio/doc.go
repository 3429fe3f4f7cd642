// Package drachtio is a client of the control protocol of drachtio servers: a server takes SIP requests from the network and
// hands them to applications, which say what to answer.
//
// # The two ways to connect
//
// A [Client] dials a server and keeps one connection to it (the server calls it inbound). The server deals the requests
// of a method to all connections that routed it. A [Listener] takes the connections that servers open (outbound): each
// one is a [Session], carries one request, and is closed by this side once the server has confirmed the answer. On both,
// the application authenticates first.
//
// # Answers
//
// An [Answer] belongs to its transaction, not to a connection. It is kept until the server has confirmed it, its deadline
// has passed, or newer ones need its memory; if its connection breaks before, it is sent again on another connection to
// the same server, the next one if there is none. Sending twice does no harm: the server sends one response and refuses
// the second. For every answer Done is told exactly once: nil, a [*NOKError] with the server's reason, [ErrExpired],
// [ErrClosed], [ErrOverflow], or why the answer is not fit to be sent. Every request needs an answer: an unanswered one is
// held for 64 seconds, in which the server swallows what the client repeats. Only final responses are accepted, since a
// provisional one ends the transaction in the server.
//
// # Threads and order
//
// Each link has two goroutines: the one that called Run reads and calls the [Handler], the other writes and pings.
// Handler calls come in order. Nothing is read while one of them runs; they must hand over and return. Reading must
// not stop: a server with some megabytes unread corrupts its stream. Shed load by answering. Answer never
// blocks. When Run returns, its goroutines are gone.
//
// # Failure
//
// A link ends when a pong is late, a write does not get away, or the server sends what is no frame or no message; frames
// are read up to [MaxFrameIn]. A Client then dials again, after a pause that is random (full jitter): at most two seconds
// while nobody listens, growing up to 30 seconds while the server is there and no link lasts for a minute, and at least
// 30 seconds after a refused secret; see [Backoff]. With TLS there is no way back to plain TCP. Messages of unknown types
// are skipped.
//
// # Safety
//
// The server checks no authentication of its own accord: only the network protects its control port. A malformed frame
// can end the server's process, so that there is no way to send one: frames are built from typed commands, which
// refuse control characters, separators inside a field, responses that are not well formed, and more than [MaxFrameOut]
// bytes. In the other direction a Listener gives its secret to whoever connects: off loopback it demands a list of networks,
// pinned keys or verified certificates, and checks them first.
//
// The secret is in no error, and printing [Options] hides it. Nothing here logs.
//
// # Both sides
//
// [EncodeCommand] and [DecodeEvent] are the application's side of the codec, [DecodeCommand] and [EncodeEvent] the
// server's, for those who build a front end or a test server; [FrameReader] serves both.
package drachtio
