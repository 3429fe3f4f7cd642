// Package actors is who holds which state and talks to whom (see package messages for what they say).
//
//	registrar            the root: spawns the others, drains and stops them in order
//	├── authorizer       callbacks in flight, and those that wait for a permit, for each realm
//	├── keeper           store operations under way, in batches, and those that wait for one, for each server
//	├── shards
//	│   └── shard ×256   which aor actors live; forwards, passivates
//	│       └── aor      one address of record: its REGISTERs in order, its cached state
//	└── connections      the links to drachtio servers; accepts those that connect to us
//	    └── connection   one link: its transactions and their deadlines
//
// # Ordering
//
// REGISTERs for one AOR are carried out one at a time in the order in which connections forward them: a connection
// forwards in the order of the wire, and everything for one AOR goes through one shard to one aor actor.
//
// # Answers
//
// The connection owns the answer: it gives every transaction a deadline when its frame is read, and answers each exactly
// once, with the outcome or, at the deadline, with 503. Whatever is lost elsewhere — a message in a dead mailbox, a panic, a
// callback that hangs — ends there.
//
// # Blocking
//
// No Receive blocks. Callbacks and batches of store operations run on goroutines that end with the deadlines of their requests,
// and come back as messages.
//
// # What is never logged
//
// Authorization values, secrets, and messages as a whole: the library's own log lines lose their message and reason
// attributes on the way to the program's log.
package actors
