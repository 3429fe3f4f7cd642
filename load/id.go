package load

const hexDigits = "0123456789abcdef"

// idBytes is the length of a transaction id: a UUID as a drachtio server would make one.
const idBytes = 36

// A ticket is what a transaction id says: where in the table the transaction is, and of which server and run: no two transactions have
// the same id, wherever they come from.
type ticket struct {
	place, generation, run uint32
}

// append writes the id: PPPPPPPP-GGGG-4GGG-8G00-0000RRRRRRRR in hex digits of place, generation and run.
func (t ticket) append(to []byte) []byte {
	to = appendHex(to, t.place, 8)
	to = appendHex(append(to, '-'), t.generation>>16, 4)
	to = appendHex(append(to, "-4"...), t.generation>>4, 3)
	to = appendHex(append(to, "-8"...), t.generation, 1)
	to = append(to, "00-0000"...)
	return appendHex(to, t.run, 8)
}

// readTicket reads an id; false for one that append does not write.
func readTicket(id []byte) (t ticket, ok bool) {
	if len(id) != idBytes {
		return t, false
	}
	place, a := parseHex(id[0:8])
	high, b := parseHex(id[9:13])
	middle, c := parseHex(id[15:18])
	low, d := parseHex(id[20:21])
	run, e := parseHex(id[28:36])
	t = ticket{place, high<<16 | middle<<4 | low, run}
	var written [idBytes]byte
	return t, a && b && c && d && e && string(t.append(written[:0])) == string(id)
}

// appendHex writes the lowest digits of a number.
func appendHex(to []byte, n uint32, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		to = append(to, hexDigits[n>>shift&15])
	}
	return to
}

func parseHex(digits []byte) (n uint32, ok bool) {
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | uint32(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | uint32(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
