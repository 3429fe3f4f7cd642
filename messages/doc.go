// Package messages holds what the actors say to each other. A message is a want (AuthorizationWanted) or a fact
// (AuthorizationGiven); it is immutable once sent. Every actor has one sealed interface of what it hears, so that a message
// nobody handles does not compile into a lint-clean program.
//
// # The way of one REGISTER
//
//	message               from         to           answered by
//	requestArrived (*)    drachtio     connection   —              a frame became a transaction with a deadline
//	Register              connection   shard        RegisterAnswered
//	Register              shard        aor          RegisterAnswered, straight to the connection
//	AuthorizationWanted   aor          authorizer   AuthorizationGiven
//	BindingsWanted        aor          keeper       BindingsLoaded
//	SaveWanted            aor          keeper       BindingsSaved
//	RegisterAnswered      aor, shard   connection   —              the connection sends the one final answer
//	answerSettled (*)     drachtio     connection   —              the server sent it, or says why not
//
// A refresh that the rules may absorb begins with BindingsWanted, and needs no AuthorizationWanted if they do. SaveWanted, and
// BindingsWanted after the callback's word, spend the use of a nonce.
//
// # Passivation of idle aor actors
//
//	passivationDue (*)    timer        shard        —
//	PassivationWished     aor          shard        PassivationOffered
//	PassivationOffered    shard        aor          PassivationAccepted when idle, else nothing
//	PassivationAccepted   aor          shard        —              the shard stops it if nothing came between
//
// # Life
//
//	linkUp, linkDown (*)  drachtio     connection   —
//	sessionAccepted (*)   listener     connections  —              a new connection actor
//	Drain                 Stop         connections  Drained        when every child has answered or ended
//	Drain                 connections  connection   Drained
//
// Those marked (*) never leave their actor's file: a goroutine or timer of the actor sends them to the actor itself.
package messages
