package load

import (
	"strconv"
	"time"
)

// A composer writes the frames of one server. It is for who holds the server's lock.
type composer struct {
	population *Population
	transports []transport
	sources    uint32
	expires    int
	run        uint32 // tells the transactions and Call-IDs of this server and run from those of others
	address    string // of the server, as it announces it

	frame    []byte // the last frame that was written
	text     []byte // the SIP text of it
	name     []byte // of the user
	password []byte
	uri      []byte // the Request-URI
	contact  []byte // the URI of the Contact, without parameters
	nc       []byte
	cnonce   []byte
	digester digester
	count    uint32 // of frames
	clock    clock
}

// A register is what a REGISTER is to say.
type register struct {
	kind   Kind
	user   uint32 // a number of the population
	origin uint32 // of an intruder
	life   uint16
	cseq   uint32
	ticket ticket
	proof  *challenge // nil = no credentials
	nc     uint32
}

// identify sets name, uri and contact for a deed of a user, and returns where it comes from and how.
func (c *composer) identify(kind Kind, user, number uint32) (origin, transport) {
	t := c.transports[(user*2654435761>>8)%uint32(len(c.transports))] //nolint:gosec // few
	from := originOf(user, c.sources)
	if kind.intrudes() {
		from = originOfIntruder(number)
	}
	c.name = c.name[:0]
	if kind == Stranger {
		c.name = strconv.AppendUint(append(c.name, "nobody"...), uint64(number), 10)
	} else {
		c.name = c.population.appendName(c.name, int(user))
	}
	c.uri = append(append(c.uri[:0], "sip:"...), c.population.Realm(int(user))...)
	c.contact = append(append(append(c.contact[:0], "sip:"...), c.name...), '@')
	c.contact = t.appendHost(c.contact, from)
	return from, t
}

// appendHost writes how a phone names itself: by its address, or, in a browser, by nothing that could be resolved (RFC 7118 §5).
func (t transport) appendHost(to []byte, from origin) []byte {
	if !t.socket {
		return from.append(to)
	}
	to = appendHex(append(to, 'w'), from.address, 8)
	return append(appendHex(to, uint32(from.port), 4), ".invalid"...)
}

// write writes the frame of a REGISTER, as a server hands it to an application. It is good until the next one.
func (c *composer) write(r register, now time.Time) []byte {
	from, t := c.identify(r.kind, r.user, r.origin)
	c.writeText(r, from, t)
	c.count++
	head := c.frame[:0]
	head = appendHex(head, c.count, 8)
	head = append(append(head, "-0000-4000-8000-00000000000"...), hexDigits[c.count&15])
	head = append(head, "|sip|network|"...)
	head = strconv.AppendInt(head, int64(len(c.text)), 10)
	head = append(append(append(head, '|'), t.protocol...), '|')
	head = append(from.appendAddress(head), '|')
	head = append(strconv.AppendUint(head, uint64(from.port), 10), '|')
	head = append(c.clock.append(head, now), '|')
	head = append(r.ticket.append(head), "||"...)
	head = append(append(head, c.address...), '|')
	head = append(append(head, t.port...), "|\r\n"...)
	c.frame = finish(head, c.text)
	return c.frame
}

// writeText writes the SIP text.
func (c *composer) writeText(r register, from origin, t transport) {
	to := append(append(append(c.text[:0], "REGISTER "...), c.uri...), " SIP/2.0\r\n"...)
	to = c.appendVia(to, r.ticket, from, t)
	to = append(to, "Max-Forwards: 70\r\nFrom: "...)
	to = c.appendAOR(to)
	to = append(c.appendDialog(append(to, ";tag="...), r), "\r\nTo: "...)
	to = c.appendAOR(to)
	to = append(append(to, "\r\nCall-ID: "...), "b-"...)
	to = appendHex(to, c.run, 8)
	to = c.appendDialog(append(to, '-'), r)
	to = strconv.AppendUint(append(to, "\r\nCSeq: "...), uint64(r.cseq), 10)
	to = append(to, " REGISTER\r\n"...)
	if r.kind != Query {
		to = append(append(append(to, "Contact: <"...), c.contact...), t.parameter...)
		to = append(to, ">\r\nExpires: "...)
		expires := c.expires
		if r.kind == Unregister {
			expires = 0
		}
		to = append(strconv.AppendInt(to, int64(expires), 10), crlf...)
	}
	if r.proof != nil {
		to = append(c.appendCredentials(append(to, "Authorization: "...), r), crlf...)
	}
	to = append(to, "Supported: path\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, NOTIFY, REFER, UPDATE\r\n"+
		"User-Agent: sbc-registrar bench\r\nContent-Length: 0\r\n\r\n"...)
	c.text = to
}

// appendVia writes the Via as the server hands it over, stamped with where the request came from (RFC 3581).
func (c *composer) appendVia(to []byte, ticket ticket, from origin, t transport) []byte {
	to = append(append(append(to, "Via: SIP/2.0/"...), t.via...), ' ')
	to = append(t.appendHost(to, from), ";branch=z9hG4bK"...)
	to = appendHex(to, ticket.place, 8)
	to = appendHex(to, ticket.generation, 8)
	to = appendHex(to, ticket.run, 8)
	to = strconv.AppendUint(append(to, ";rport="...), uint64(from.port), 10)
	if t.socket {
		to = from.appendAddress(append(to, ";received="...))
	}
	return append(to, crlf...)
}

func (c *composer) appendAOR(to []byte) []byte {
	to = append(append(append(to, "<sip:"...), c.name...), '@')
	return append(append(to, c.uri[len("sip:"):]...), '>')
}

// appendDialog writes what tells one life of a phone, or one intruder, from all others.
func (c *composer) appendDialog(to []byte, r register) []byte {
	if r.kind.intrudes() {
		return appendHex(append(to, 'x'), r.origin, 8)
	}
	return appendHex(appendHex(to, r.user, 8), uint32(r.life), 4)
}

func (c *composer) appendCredentials(to []byte, r register) []byte {
	c.password = c.population.appendPassword(c.password[:0], int(r.user))
	if r.kind.intrudes() {
		c.password = append(c.password, "-wrong"...)
	}
	c.cnonce = appendHex(append(c.cnonce[:0], r.kind.mark()), r.ticket.place^r.ticket.generation<<20, 8)
	c.nc = appendHex(c.nc[:0], r.nc, 8)
	proof := credentials{
		challenge: *r.proof, username: c.name, password: c.password, uri: c.uri, nc: c.nc, cnonce: c.cnonce,
	}
	if len(proof.realm) == 0 {
		proof.realm = c.uri[len("sip:"):]
	}
	return proof.append(to, c.digester.response(&proof))
}

// A clock writes the time of day as a drachtio server does, hh:mm:ss.µs.
type clock struct {
	second int64
	text   [8]byte
}

func (c *clock) append(to []byte, now time.Time) []byte {
	if second := now.Unix(); second != c.second {
		c.second = second
		copy(c.text[:], now.Format("15:04:05"))
	}
	micros := uint32(now.Nanosecond() / 1000) //nolint:gosec // less than a million
	to = append(append(to, c.text[:]...), '.')
	for unit := uint32(100_000); unit > 0; unit /= 10 {
		to = append(to, byte('0'+micros/unit%10))
	}
	return to
}
