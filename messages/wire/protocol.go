// Package wire is the language between the nodes of a cluster. Nodes of two releases work side by side: fields are only ever added, and
// a new kind of message is sent to those only that know it.
package wire

// Protocol is the newest version of the language that this program speaks. Version 1 has RegisterRequest, RegisterReply and SourceGuessed.
const Protocol = 1
