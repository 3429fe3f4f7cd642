// Package challenge asks for digest credentials and checks what can be checked of the answer without knowing the password
// (RFC 3261 §22, RFC 7616, RFC 8760).
//
// It keeps no state: a nonce carries its time and an HMAC, so that every node that shares the key can check it, and a flood
// of unauthenticated REGISTERs costs no memory. Whether the response is right is for the callback to say.
package challenge
