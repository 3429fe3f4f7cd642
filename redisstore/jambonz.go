package redisstore

import (
	"strconv"
	"time"
	"unicode/utf8"

	"sbc-registrar/registration"
)

// jambonzProjection is a JSON string at user:user@host whose TTL is the rest of the registration.
type jambonzProjection struct{ keys keyspace }

func (j jambonzProjection) key(aor registration.AOR) string { return j.keys.jambonz(aor) }

func (j jambonzProjection) show(w *words, key string, b *registration.Binding, now time.Time) {
	w.command(5)
	w.add("SET", key)
	w.text = appendUser(w.text, b)
	w.end()
	w.add("EX")
	w.wholeSeconds(b.Expires.Sub(now))
}

// appendUser writes the fields that the readers know, in the order in which they have always been written. Every API user
// sees them: nothing private goes in here.
func appendUser(out []byte, b *registration.Binding) []byte {
	out = appendMember(out, `{"contact":`, b.Contact.URI.String())
	out = appendMember(out, `,"sbcAddress":`, b.Flow.SBCAddress)
	out = appendOptionalMember(out, `,"privateSbcAddress":`, b.Flow.PrivateSBCAddress)
	out = appendMember(out, `,"protocol":`, b.Flow.Protocol)
	out = appendMember(out, `,"proxy":`, "sip:"+b.Flow.Source.String())
	out = appendOptionalMember(out, `,"callHook":`, b.Grants.CallHook)
	out = appendOptionalMember(out, `,"callStatusHook":`, b.Grants.CallStatusHook)
	out = strconv.AppendBool(append(out, `,"allow_direct_app_calling":`...), b.Grants.AllowDirectApp)
	out = strconv.AppendBool(append(out, `,"allow_direct_queue_calling":`...), b.Grants.AllowDirectQueue)
	out = strconv.AppendBool(append(out, `,"allow_direct_user_calling":`...), b.Grants.AllowDirectUser)
	out = appendTime(out, `,"expiryTime":`, b.Expires)
	return append(out, '}')
}

func appendOptionalMember(out []byte, name, value string) []byte {
	if value == "" {
		return out
	}
	return appendMember(out, name, value)
}

// appendMember writes a string as JavaScript would: & < > as they are. What is no UTF-8 is replaced.
func appendMember(out []byte, name, value string) []byte {
	out = append(append(out, name...), '"')
	for !utf8.ValidString(value) {
		good := 0
		for r, size := utf8.DecodeRuneInString(value); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRuneInString(value[good:]) {
			good += size
		}
		out = append(appendEscaped(out, value[:good], false), `\ufffd`...)
		value = value[good+1:]
	}
	return append(appendEscaped(out, value, false), '"')
}

// writeUsers writes the commands that keep the set of active users right: a sorted set of all jambonz keys, by the epoch
// millisecond at which each registration ends.
func (p *plan) writeUsers(w *words) {
	if p.planner.activeUsers == "" {
		return
	}
	if p.newest != nil {
		w.command(4)
	} else {
		w.command(3)
	}
	p.userWords(w)
	w.command(4)
	p.trimWords(w)
}

// userWords are the command that adds the user, or removes it.
func (p *plan) userWords(w *words) {
	set, member := p.planner.activeUsers, p.planner.keys.jambonz(p.change.AOR)
	if p.newest == nil {
		w.add("ZREM", set, member)
		return
	}
	w.add("ZADD", set)
	w.epoch(p.newest.Expires)
	w.add(member)
}

// trimWords are the command that drops those who have expired; Redis itself does not expire members.
func (p *plan) trimWords(w *words) {
	w.add("ZREMRANGEBYSCORE", p.planner.activeUsers, "0")
	w.epoch(p.change.Now)
}
