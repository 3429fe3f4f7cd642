// Package challenge asks for digest credentials and checks what can be checked of the answer without knowing the password
// (RFC 3261 §22, RFC 7616, RFC 8760).
//
// It keeps no state but its keys: a nonce carries its time and an HMAC over the address of record that it is good for, so
// that every node that shares a key can check it, and a flood of unauthenticated REGISTERs costs no memory. Whether the
// response is right is for the callback to say, and whether (nonce, nc) comes for the first time is for the store.
package challenge
