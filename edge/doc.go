// Package edge is a SIP front end for one process: it receives SIP over UDP, TCP, TLS, WS and WSS and speaks the server's
// side of the drachtio control protocol to the apps that answer. The demo, the specs and load tests use it in the place of
// a drachtio server; production does not.
//
// What it does, it does as a recorded drachtio server did: see the file names. Where the recordings are silent it keeps to
// RFC 3261 §17.2 and §18.2 and RFC 3581.
//
// Apps reach it in one of two ways. Inbound, they connect to the control port, and requests are dealt round robin to the
// connections that routed the method; a connection that routed twice gets twice the share. Outbound (Options.Handlers),
// every SIP request gets a connection of its own, which the app closes.
//
// Ordering: the frames of one connection are handled one after the other, in order. Two requests of one SIP client are
// handed to apps in the order in which the transport gave them to goroutines, which is nearly, not surely, theirs.
//
// Threading: a goroutine per listener, per control connection and per held SIP request. A transaction is answered at most
// once: whoever takes it out of the table answers. All methods of Server may be called from any goroutine.
//
// Who closes: Server.Close closes every listener and connection and returns when the goroutines of this package are gone.
// It never closes an outbound connection before that, except after a wrong secret.
//
// Never logged: SIP text, frames and the secret. The SIP library's own log is off, for it quotes messages it cannot parse.
package edge
