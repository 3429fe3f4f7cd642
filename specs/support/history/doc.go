// Package history judges what phones were told: whether one address of record that takes one REGISTER after the other could have
// told them the same. It is a model of RFC 3261 §10.3 in small, and porcupine finds out whether the history is linearizable by it.
//
// # What a history is
//
// One address of record has a few devices, each with a Contact and a Call-ID of its own and a CSeq that grows. Every REGISTER puts
// a mark into its Contact, which the bindings that later answers list show. So each 200 tells who registered last at every Contact,
// and a history in which a binding is missing, came back, or is there too late is found out.
//
// # What outcomes mean
//
//   - 200: the change was made between its sending and its answer, and what the answer lists is exactly what was there then.
//   - 500: nothing was changed, and the CSeq was out of order.
//   - 503: the change was made before the answer, or never.
//   - no answer, from a registrar that was killed: it was made until its deadline, or never.
//
// A look into Redis is an operation as well: it lists what is there, and has no other effect.
//
// Expiry is no part of the model: whatever is registered here outlives the history.
package history
