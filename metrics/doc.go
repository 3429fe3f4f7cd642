// Package metrics counts what the registrar does and shows it: to Prometheus, which comes and reads, and to a statsd server under
// the names that jambonz has.
//
//	[Prometheus]  an [actors.Meter] with a registry of its own; Handler serves it
//	[Statsd]      an [actors.Meter] that sends
//	[All]         one meter out of several
//
// docs/metrics.md has a table of every metric. It is written from the definitions here (make metrics), and a test compares them.
//
// # Cost
//
// A call on the way of a REGISTER finds its counters in a map that is replaced, never changed: no lock, no allocation, some tens of
// nanoseconds. What has to be asked for, such as how many actors live, is read when somebody scrapes; and what would take time
// to find out, such as how many users are registered, is told to this package by who finds it out in the background. A scrape
// never waits for Redis, a callback or an actor.
//
// # Series
//
// Whatever can be known beforehand is there from the start with 0: an increase from nothing to 1 is one that Prometheus does not
// see. No label has a value that a client can choose: realms and domains are those of the configuration, or of users whom the
// callback let in, and every table has a bound beyond which all further series are one, named "other".
//
// # What is never shown
//
// Users, addresses, credentials and secrets.
package metrics
