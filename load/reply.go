package load

import (
	"strconv"
	"time"
)

// Why a drachtio server does not send a response, in its words.
const (
	reasonUnknown    = "Response not sent due to unknown transaction"
	reasonUnreadable = "Unknown server error sending response"
)

// nok writes the reply to a command whose response is not sent.
func (c *composer) nok(command []byte, reason string) []byte {
	c.text = c.text[:0]
	return c.reply(append(append(c.replyHead(command), "|NOK|"...), reason...))
}

// sent writes the reply to a command whose response is sent: the response as the phone sees it, with the Via of its request and
// what the application left out.
func (c *composer) sent(command []byte, r register, a *answer, text []byte, now time.Time) []byte {
	from, t := c.identify(r.kind, r.user, r.origin)
	to := c.text[:0]
	to = append(to, text[:a.statusEnd]...)
	to = c.appendVia(to, r.ticket, from, t)
	if a.missing.any() {
		to = c.appendMissing(to, r, a)
	}
	if a.toEnd > 0 && !a.tagged {
		to = append(append(to, text[a.statusEnd:a.toEnd]...), ";tag=b"...)
		to = appendHex(to, r.ticket.place, 8)
		to = append(to, text[a.toEnd:]...)
	} else {
		to = append(to, text[a.statusEnd:]...)
	}
	c.text = to

	head := append(c.replyHead(command), "|OK|application|"...)
	head = append(strconv.AppendInt(head, int64(len(c.text)), 10), "||"...)
	head = append(from.appendAddress(head), '|')
	head = append(strconv.AppendUint(head, uint64(from.port), 10), '|')
	head = append(c.clock.append(head, now), '|')
	return c.reply(append(r.ticket.append(head), "|||Msg sent:|\r\n"...))
}

// appendMissing writes the header fields that a server takes from the request.
func (c *composer) appendMissing(to []byte, r register, a *answer) []byte {
	if a.missing.from {
		to = c.appendAOR(append(to, "From: "...))
		to = append(c.appendDialog(append(to, ";tag="...), r), crlf...)
	}
	if a.missing.to {
		to = c.appendAOR(append(to, "To: "...))
		to = append(appendHex(append(to, ";tag=b"...), r.ticket.place, 8), crlf...)
	}
	if a.missing.callID {
		to = appendHex(append(to, "Call-ID: b-"...), c.run, 8)
		to = append(c.appendDialog(append(to, '-'), r), crlf...)
	}
	if a.missing.cseq {
		to = strconv.AppendUint(append(to, "CSeq: "...), uint64(r.cseq), 10)
		to = append(to, " REGISTER\r\n"...)
	}
	return to
}

// replyHead begins a reply.
func (c *composer) replyHead(command []byte) []byte {
	c.count++
	head := appendHex(c.frame[:0], c.count, 8)
	head = append(append(head, "-0000-4000-8000-00000000000"...), hexDigits[c.count&15])
	return append(append(head, "|response|"...), command...)
}

// reply puts length, head and text together. It is good until the next frame.
func (c *composer) reply(head []byte) []byte {
	c.frame = finish(head, c.text)
	return c.frame
}

// finish puts the length in front of head and text, in the memory of head. The length is known last.
func finish(head, text []byte) []byte {
	length := len(head) + len(text)
	var digits [8]byte
	prefix := append(strconv.AppendInt(digits[:0], int64(length), 10), '#')
	size := len(head)
	head = append(head, prefix...) // makes room
	head = append(head, text...)
	copy(head[len(prefix):], head[:size])
	copy(head, prefix)
	return head
}
