// Package overload decides who is turned away when more REGISTERs come than can be served, so that those who are let in are
// served well and the work done for them is not lost (RFC 7415 and RFC 8289 are where its ideas come from).
//
// A REGISTER belongs to a [Class]. The classes are shed in their order: strangers first, who cost the least and lose the least, and
// never who removes a binding. What they are shed by is how long requests wait: a [Delay] takes the waiting time of one
// queue and tells the part of it that stands, which is no burst; a [Pace] tells how fast a queue is worked off, and so how long who
// comes now will wait; [Promises] are challenges that were given, whose answers will come to the queue; [Class.Bears] tells whether
// a class puts up with that.
// Beside that, an [Admission] bounds how many are under way, in all and for each source: each class has its share, so that the last
// places are kept for those who are shed last. [Flows] remembers where clients are registered from, which makes a REGISTER
// without credentials a refresh.
//
// All of it is safe for concurrent use, takes the time as a parameter, and is of a bounded size.
package overload
