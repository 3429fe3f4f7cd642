package redisstore

import (
	"encoding/json"
	"unicode/utf8"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// The documents as encoding/json writes them: what appendDocument is measured by.

// reference writes a state as its document; the version is stored beside it.
func reference(state registration.State) (string, error) {
	doc := document{Format: format}
	for _, b := range state.Bindings {
		doc.Bindings = append(doc.Bindings, toBinding(b))
	}
	for _, t := range state.Removed {
		doc.Removed = append(doc.Removed, toTombstone(t))
	}
	raw, err := json.Marshal(doc)
	return string(raw), err
}

func toBinding(b registration.Binding) binding {
	return binding{
		Contact:           text(b.Contact.String()),
		CallID:            text(b.CallID),
		CSeq:              b.CSeq,
		Registered:        toMillis(b.Registered),
		Refreshed:         toMillis(b.Refreshed),
		Granted:           b.Granted.Milliseconds(),
		Expires:           toMillis(b.Expires),
		UserAgent:         text(b.UserAgent),
		Protocol:          text(b.Flow.Protocol),
		Source:            b.Flow.Source,
		Received:          b.Flow.Received,
		SBCAddress:        text(b.Flow.SBCAddress),
		PrivateSBCAddress: text(b.Flow.PrivateSBCAddress),
		CallHook:          text(b.Grants.CallHook),
		CallStatusHook:    text(b.Grants.CallStatusHook),
		AllowDirectApp:    b.Grants.AllowDirectApp,
		AllowDirectQueue:  b.Grants.AllowDirectQueue,
		AllowDirectUser:   b.Grants.AllowDirectUser,
		Authorization:     toAuthorization(b.Authorization),

		RegID:       b.RegID,
		Path:        toTexts(b.Path),
		BehindNAT:   b.BehindNAT,
		Unreachable: b.Unreachable,
	}
}

func toTexts(addresses []sip.Address) []text {
	var texts []text
	for _, a := range addresses {
		texts = append(texts, text(a.String()))
	}
	return texts
}

func toAuthorization(a registration.Authorization) *authorization {
	if a == (registration.Authorization{}) {
		return nil
	}
	return &authorization{
		Username: text(a.Username), Realm: text(a.Realm), Algorithm: text(a.Algorithm), Given: toMillis(a.Given), Until: toMillis(a.Until),
	}
}

func toTombstone(t registration.Tombstone) tombstone {
	contact := text(wildcard)
	if !t.Wildcard {
		contact = text(t.Contact.String())
	}
	return tombstone{
		Contact: contact, CallID: text(t.CallID), CSeq: t.CSeq, Until: toMillis(t.Until),
		Instance: text(t.Instance), RegID: t.RegID,
	}
}

// MarshalJSON writes the text.
func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal([][]byte{[]byte(t)})
}
