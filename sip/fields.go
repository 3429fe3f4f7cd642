package sip

import (
	"strconv"
	"strings"
)

// CSeq is the sequence number and method of a request (RFC 3261 §20.16).
type CSeq struct {
	Number uint32
	Method string
}

// CSeq reads the CSeq header field. The number is below 2^31 and the method is that of the request (RFC 3261 §8.1.1.5).
func (r *Request) CSeq() (CSeq, error) {
	value, err := r.single("CSeq")
	if err != nil {
		return CSeq{}, err
	}
	number, method, _ := strings.Cut(value, " ")
	method = strings.Trim(method, " ")
	sequence, err := strconv.ParseUint(number, 10, 31)
	switch {
	case err != nil:
		return CSeq{}, because(ErrCSeq, "no number below 2^31")
	case method != r.Method:
		return CSeq{}, because(ErrCSeq, "not the method of the request")
	}
	return CSeq{Number: uint32(sequence), Method: method}, nil
}

// CallID reads the Call-ID header field.
func (r *Request) CallID() (string, error) {
	value, err := r.single("Call-ID")
	if err != nil {
		return "", err
	}
	if value == "" || strings.IndexByte(value, ' ') >= 0 {
		return "", because(ErrCallID, "empty or with white space")
	}
	return value, nil
}

// To reads the To header field.
func (r *Request) To() (Address, error) { return r.address("To") }

// From reads the From header field.
func (r *Request) From() (Address, error) { return r.address("From") }

func (r *Request) address(name string) (Address, error) {
	value, err := r.single(name)
	if err != nil {
		return Address{}, err
	}
	address, err := readOneAddress(value)
	if err != nil {
		return Address{}, inField(name, err)
	}
	return address, nil
}

// Contacts are the Contact header fields of a REGISTER: a wildcard or a list of addresses (RFC 3261 §20.10).
type Contacts struct {
	Wildcard  bool // there is a "*"
	Addresses []Address
}

// Contacts reads all Contact header fields, in order. A "*" beside addresses is told as both: the rules refuse it.
func (r *Request) Contacts() (Contacts, error) {
	var contacts Contacts
	for value := range r.All("Contact") {
		addresses, wildcard, err := readAddresses(contacts.Addresses, value)
		if err != nil {
			return Contacts{}, inField("Contact", err)
		}
		contacts.Addresses = addresses
		contacts.Wildcard = contacts.Wildcard || wildcard
	}
	return contacts, nil
}

// Expires reads the Expires header field in seconds, clamped to [0, 2^32-1]; ok is false when there is none or it is no
// number (RFC 3261 §20.19, §10.2.1.1).
func (r *Request) Expires() (seconds uint32, ok bool) {
	value, found := r.Value("Expires")
	if !found {
		return 0, false
	}
	return parseDelta(value)
}

// Authorizations reads every Authorization header field, in order. Schemes other than Digest come back with their
// scheme and nothing else. One that is malformed fails them all.
func (r *Request) Authorizations() ([]Credentials, error) {
	var all []Credentials
	for value := range r.All("Authorization") {
		credentials, err := readCredentials(value)
		if err != nil {
			return nil, inField("Authorization", err)
		}
		all = append(all, credentials)
	}
	return all, nil
}
