// Package guard tells who sends more than anybody needs to, and who guesses passwords (rule 55).
//
// A Guard knows three things, each in a table of its own that never grows past Options.MaxSources entries; the one that
// nobody asked for the longest goes first:
//
//   - how many REGISTERs a source may still send: two token buckets, one for those that answer a challenge of ours and one
//     for all others. A source is an IPv4 address or an IPv6 network of 64 bits, since that is what one subscriber has. A
//     REGISTER that succeeds is paid back together with the challenge before it, so that a proxy with thousands of phones
//     behind one address pays nothing, while a flood that never answers a challenge pays for each. And since what a flood
//     spends is not what answers are paid from, a proxy whose phones all come at once gets more and more of them through;
//   - how many REGISTERs an address of record may still get: one bucket for the source at which it was registered last, one
//     for all others together. Strangers who hammer an address do not lock its owner out;
//   - how often a source failed to authenticate, and until when it is banned for it. Each ban is twice as long as the one
//     before, up to a maximum, until the source has been quiet for that maximum.
//
// It is pure: no I/O, no clock, no goroutine. Time is a parameter, and expected to go forward as time.Now does.
// A Guard is safe for concurrent use and never waits but for its own short lock. It logs nothing.
package guard
