package redisstore

import (
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// A scanner reads documents in the very form in which appendDocument writes them: no spaces, known fields in their order. That
// is a fifth of the cost of encoding/json, and every refresh of a registration reads one. Anything else makes it give up, and
// encoding/json has the word on it.
type scanner struct {
	text   string
	at     int
	failed bool
}

// scanDocument reads a document; false when it is in another form, or not valid.
func scanDocument(raw string) (registration.State, bool) {
	s := scanner{text: raw}
	var state registration.State
	s.expect(`{"v":1`)
	if s.accept(`,"bindings":[`) {
		s.list(func() { state.Bindings = append(state.Bindings, s.binding()) })
	}
	if s.accept(`,"removed":[`) {
		s.list(func() { state.Removed = append(state.Removed, s.tombstone()) })
	}
	s.expect(`}`)
	return state, !s.failed && s.at == len(raw)
}

func (s *scanner) binding() registration.Binding {
	var b registration.Binding
	s.expect(`{"contact":`)
	b.Contact = s.address()
	s.expect(`,"callId":`)
	b.CallID = s.string()
	b.CSeq = s.small(`,"cseq":`)
	b.Registered = s.time(`,"registered":`)
	b.Refreshed = s.time(`,"refreshed":`)
	b.Granted = s.duration(`,"granted":`)
	b.Expires = s.time(`,"expires":`)
	b.UserAgent = s.optional(`,"userAgent":`)
	b.Flow.Protocol = s.optional(`,"protocol":`)
	b.Flow.Source = s.addrPort(`,"source":`)
	b.Flow.Received = s.addrPort(`,"received":`)
	b.Flow.SBCAddress = s.optional(`,"sbcAddress":`)
	b.Flow.PrivateSBCAddress = s.optional(`,"privateSbcAddress":`)
	b.Grants.CallHook = s.optional(`,"callHook":`)
	b.Grants.CallStatusHook = s.optional(`,"callStatusHook":`)
	b.Grants.AllowDirectApp = s.accept(`,"allowDirectApp":true`)
	b.Grants.AllowDirectQueue = s.accept(`,"allowDirectQueue":true`)
	b.Grants.AllowDirectUser = s.accept(`,"allowDirectUser":true`)
	if s.accept(`,"authorization":{"username":`) {
		b.Authorization = s.authorization()
	}
	if s.upcoming(`,"regId":`) {
		b.RegID = s.small(`,"regId":`)
	}
	if s.accept(`,"path":[`) {
		s.list(func() { b.Path = append(b.Path, s.address()) })
	}
	b.BehindNAT = s.accept(`,"behindNat":true`)
	b.Unreachable = s.accept(`,"unreachable":true`)
	s.expect(`}`)
	return b
}

func (s *scanner) authorization() registration.Authorization {
	var a registration.Authorization
	a.Username = s.string()
	s.expect(`,"realm":`)
	a.Realm = s.string()
	s.expect(`,"algorithm":`)
	a.Algorithm = s.string()
	a.Given = s.time(`,"given":`)
	a.Until = s.time(`,"until":`)
	s.expect(`}`)
	return a
}

func (s *scanner) tombstone() registration.Tombstone {
	var t registration.Tombstone
	if s.accept(`{"contact":"*"`) {
		t.Wildcard = true
	} else {
		s.expect(`{"contact":`)
		t.Contact = s.address()
	}
	s.expect(`,"callId":`)
	t.CallID = s.string()
	t.CSeq = s.small(`,"cseq":`)
	t.Until = s.time(`,"until":`)
	t.Instance = s.optional(`,"instance":`)
	if s.upcoming(`,"regId":`) {
		t.RegID = s.small(`,"regId":`)
	}
	s.expect(`}`)
	return t
}

func (s *scanner) upcoming(token string) bool { return strings.HasPrefix(s.text[s.at:], token) }

func (s *scanner) accept(token string) bool {
	if !s.upcoming(token) {
		return false
	}
	s.at += len(token)
	return true
}

func (s *scanner) expect(token string) {
	if !s.accept(token) {
		s.failed = true
	}
}

// list reads members up to the closing bracket; at least one, as it is written.
func (s *scanner) list(member func()) {
	for member(); !s.failed; member() {
		if s.accept(`]`) {
			return
		}
		s.expect(`,`)
	}
}

func (s *scanner) optional(name string) string {
	if s.accept(name) {
		return s.string()
	}
	return ""
}

// string reads a text. What is not UTF-8 is no JSON string.
func (s *scanner) string() string {
	s.expect(`"`)
	start := s.at
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.valid(s.text[start : s.at-1])
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			s.failed = true
			return ""
		}
	}
	s.failed = true
	return ""
}

// escaped is string for one that has a backslash, which is where it stands.
func (s *scanner) escaped(start int) string {
	out := make([]byte, 0, 64)
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.valid(string(append(out, s.text[start:s.at-1]...)))
		case c == '\\':
			out = append(out, s.text[start:s.at]...)
			out = append(out, s.escape())
			start = s.at
		case c < 0x20:
			s.failed = true
			return ""
		default:
			s.at++
		}
	}
	s.failed = true
	return ""
}

func (s *scanner) valid(text string) string {
	if !utf8.ValidString(text) {
		s.failed = true
	}
	return text
}

// escape reads one escaped ASCII character.
func (s *scanner) escape() byte {
	rest := s.text[s.at:]
	if len(rest) >= 6 && rest[:4] == `\u00` {
		high, low := strings.IndexByte(hexadecimal, rest[4]), strings.IndexByte(hexadecimal, rest[5])
		if high >= 0 && high < 8 && low >= 0 {
			s.at += 6
			return byte(high<<4 | low) //nolint:gosec // both are indices of hexadecimal
		}
	}
	if len(rest) >= 2 {
		if i := strings.IndexByte(`"\bfnrt`, rest[1]); i >= 0 {
			s.at += 2
			return "\"\\\b\f\n\r\t"[i]
		}
	}
	s.failed = true
	s.at = len(s.text)
	return 0
}

// number reads an integer of a 64 bit range.
func (s *scanner) number(name string) int64 {
	s.expect(name)
	negative := s.accept(`-`)
	start, n := s.at, int64(0)
	for ; s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9'; s.at++ {
		if n > math.MaxInt64/10-1 {
			s.failed = true
			return 0
		}
		n = n*10 + int64(s.text[s.at]-'0')
	}
	if digits := s.at - start; digits == 0 || digits > 1 && s.text[start] == '0' {
		s.failed = true
	}
	if negative {
		return -n
	}
	return n
}

func (s *scanner) small(name string) uint32 {
	n := s.number(name)
	if n < 0 || n > math.MaxUint32 {
		s.failed = true
		return 0
	}
	return uint32(n)
}

func (s *scanner) time(name string) time.Time { return millis(s.number(name)).time() }

func (s *scanner) duration(name string) time.Duration {
	n := s.number(name)
	if n < 0 || n > math.MaxInt64/int64(time.Millisecond) {
		s.failed = true
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

func (s *scanner) address() sip.Address {
	text := s.string()
	if s.failed {
		return sip.Address{}
	}
	address, err := sip.ParseAddress(text)
	if err != nil {
		s.failed = true
	}
	return address
}

func (s *scanner) addrPort(name string) netip.AddrPort {
	text := s.optional(name)
	if text == "" || s.failed {
		return netip.AddrPort{}
	}
	addrPort, err := netip.ParseAddrPort(text)
	if err != nil {
		s.failed = true
	}
	return addrPort
}
