package registration

import (
	"strconv"
	"strings"

	"sbc-registrar/sip"
)

// A key tells the bindings of one address of record apart. Where client and Contact speak of Outbound it is the instance
// and the reg-id, so that a new flow replaces the one before whatever its URI (rule 46, RFC 5626 §6); elsewhere it is the
// URI by the comparison of RFC 3261 §19.1.4 (rule 24). The Call-ID is no part of it: it only orders (rule 25).
type key struct {
	uri      sip.URI
	instance string // "" where the URI decides
	regID    uint32 // 0 = the URI decides
}

// equal is reflexive and symmetric, but for URIs not transitive: <sip:a@h> equals both <sip:a@h;x=1> and <sip:a@h;x=2>,
// which differ. So more than one binding can have the key of a Contact.
func (k *key) equal(other key) bool {
	if k.regID != 0 || other.regID != 0 {
		return k.regID == other.regID && k.instance == other.instance
	}
	return k.uri.Equal(other.uri)
}

func (b *Binding) key() key { return keyOf(b.Contact, b.RegID) }

func (t *Tombstone) key() key { return key{t.Contact.URI, t.Instance, t.RegID} }

// key is that of the binding that a Contact of this request is about.
func (r *Request) key(contact sip.Address) key { return keyOf(contact, r.regID(contact)) }

func keyOf(contact sip.Address, regID uint32) key {
	k := key{uri: contact.URI, regID: regID}
	if regID != 0 {
		k.instance = instanceOf(contact)
	}
	return k
}

// regID is the reg-id of a Contact that Outbound applies to, else 0: the client supports it and names the instance, too.
// A reg-id without an instance is ignored (rule 46, RFC 5626 §6), and so is one outside 1 to 2^31-1.
func (r *Request) regID(contact sip.Address) uint32 {
	param, ok := contact.Params.Get("reg-id")
	if !ok || instanceOf(contact) == "" || !r.supports("outbound") {
		return 0
	}
	number, err := strconv.ParseUint(param.Value, 10, 31)
	if err != nil {
		return 0
	}
	return uint32(number)
}

// Instance is the +sip.instance of the contact, a URN without its angle brackets; "" when there is none (RFC 5626 §4.1).
func (b Binding) Instance() string { return instanceOf(b.Contact) }

func instanceOf(contact sip.Address) string {
	param, _ := contact.Params.Get("+sip.instance")
	return canonicalInstance(strings.TrimSuffix(strings.TrimPrefix(param.Unquoted(), "<"), ">"))
}

// canonicalInstance makes equal UUIDs equal as text: they are so in any case (RFC 8141 §3, RFC 9562 §4).
func canonicalInstance(urn string) string {
	const uuid = "urn:uuid:"
	if len(urn) > len(uuid) && strings.EqualFold(urn[:len(uuid)], uuid) {
		return strings.ToLower(urn)
	}
	return urn
}

// supports tells whether the client knows an extension (RFC 3261 §20.37).
func (r *Request) supports(option string) bool { return r.SIP.Lists("Supported", option) }
