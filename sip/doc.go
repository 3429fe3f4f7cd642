// Package sip turns the SIP text of a REGISTER into values and values into SIP text (RFC 3261 §7, §19, §20, §25).
//
// A message is split into its request line and header fields, and only the header fields that a registrar needs are read,
// each when it is asked for. One header field that is broken therefore fails the question about that field, never the whole
// message.
//
// There is no I/O, no clock and no state here. Values are plain and safe to share once they are built; nothing keeps a
// reference to the caller's buffer.
//
// Text is made harmless once, at the border: whatever is read by this package is valid UTF-8 without control characters
// (each control character becomes a space, each invalid byte U+FFFD), and whatever it writes holds no CR, LF or NUL.
// Where two readers of the same bytes could see two different meanings (a second "@", a repeated Call-ID, a repeated
// digest parameter), the text is refused rather than guessed.
//
// Errors wrap one of the sentinels of errors.go and say which header field is broken and why. They never quote the text
// that was sent, and Credentials and Header hide secrets when they are printed or logged.
package sip
