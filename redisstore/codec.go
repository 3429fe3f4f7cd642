package redisstore

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

// format is the version of the document. Fields may be added without a new one: readers ignore what they do not know.
const format = 1

// A document is the stored form of a State: JSON, times and durations in milliseconds, contacts as SIP text.
type document struct {
	Format   int         `json:"v"`
	Bindings []binding   `json:"bindings,omitempty"`
	Removed  []tombstone `json:"removed,omitempty"`
}

type binding struct {
	Contact           text           `json:"contact"`
	CallID            text           `json:"callId"`
	CSeq              uint32         `json:"cseq"`
	Registered        millis         `json:"registered"`
	Refreshed         millis         `json:"refreshed"`
	Granted           int64          `json:"granted"`
	Expires           millis         `json:"expires"`
	UserAgent         text           `json:"userAgent,omitempty"`
	Protocol          text           `json:"protocol,omitempty"`
	Source            netip.AddrPort `json:"source,omitzero"`
	Received          netip.AddrPort `json:"received,omitzero"`
	SBCAddress        text           `json:"sbcAddress,omitempty"`
	PrivateSBCAddress text           `json:"privateSbcAddress,omitempty"`
	CallHook          text           `json:"callHook,omitempty"`
	CallStatusHook    text           `json:"callStatusHook,omitempty"`
	AllowDirectApp    bool           `json:"allowDirectApp,omitempty"`
	AllowDirectQueue  bool           `json:"allowDirectQueue,omitempty"`
	AllowDirectUser   bool           `json:"allowDirectUser,omitempty"`
	Authorization     *authorization `json:"authorization,omitempty"`

	RegID       uint32 `json:"regId,omitempty"`
	Path        []text `json:"path,omitempty"` // one name-addr each
	BehindNAT   bool   `json:"behindNat,omitempty"`
	Unreachable bool   `json:"unreachable,omitempty"`
}

// An authorization came later: bindings of older records have none.
type authorization struct {
	Username  text   `json:"username"`
	Realm     text   `json:"realm"`
	Algorithm text   `json:"algorithm"`
	Given     millis `json:"given"`
	Until     millis `json:"until"`
}

type tombstone struct {
	Contact text   `json:"contact"` // "*" for all of them, as in a REGISTER
	CallID  text   `json:"callId"`
	CSeq    uint32 `json:"cseq"`
	Until   millis `json:"until"`

	Instance text   `json:"instance,omitempty"`
	RegID    uint32 `json:"regId,omitempty"`
}

const wildcard = "*"

// decode reads a document; version 0 is that nothing is stored. A document that it does not understand is an error, never
// an empty state: that would be written back over the bindings.
func decode(version int64, raw string) (registration.State, error) {
	if version == 0 {
		return registration.State{}, nil
	}
	if state, ok := scanDocument(raw); ok {
		state.Version = version
		return state, nil
	}
	return decodeAny(version, raw)
}

// decodeAny reads what another version of this program may have written as well.
func decodeAny(version int64, raw string) (registration.State, error) {
	state := registration.State{Version: version}
	var doc document
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		return registration.State{}, fmt.Errorf("stored bindings: %w", err)
	}
	if doc.Format != format {
		return registration.State{}, fmt.Errorf("stored bindings have format %d, this program reads %d", doc.Format, format)
	}
	for _, stored := range doc.Bindings {
		b, err := fromBinding(stored)
		if err != nil {
			return registration.State{}, err
		}
		state.Bindings = append(state.Bindings, b)
	}
	for _, t := range doc.Removed {
		grave, err := fromTombstone(t)
		if err != nil {
			return registration.State{}, err
		}
		state.Removed = append(state.Removed, grave)
	}
	return state, nil
}

func fromTexts(texts []text) ([]sip.Address, error) {
	var addresses []sip.Address
	for _, t := range texts {
		address, err := sip.ParseAddress(string(t))
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

func fromBinding(b binding) (registration.Binding, error) {
	contact, err := sip.ParseAddress(string(b.Contact))
	if err != nil {
		return registration.Binding{}, fmt.Errorf("stored contact: %w", err)
	}
	granted := time.Duration(b.Granted) * time.Millisecond
	if granted.Milliseconds() != b.Granted {
		return registration.Binding{}, fmt.Errorf("stored grant: %d ms is no time", b.Granted)
	}
	path, err := fromTexts(b.Path)
	if err != nil {
		return registration.Binding{}, fmt.Errorf("stored path: %w", err)
	}
	return registration.Binding{
		Contact:    contact,
		CallID:     string(b.CallID),
		CSeq:       b.CSeq,
		Registered: b.Registered.time(),
		Refreshed:  b.Refreshed.time(),
		Granted:    granted,
		Expires:    b.Expires.time(),
		UserAgent:  string(b.UserAgent),
		Flow: registration.Flow{
			Protocol:          string(b.Protocol),
			Source:            b.Source,
			Received:          b.Received,
			SBCAddress:        string(b.SBCAddress),
			PrivateSBCAddress: string(b.PrivateSBCAddress),
		},
		Grants: registration.Grants{
			CallHook:         string(b.CallHook),
			CallStatusHook:   string(b.CallStatusHook),
			AllowDirectApp:   b.AllowDirectApp,
			AllowDirectQueue: b.AllowDirectQueue,
			AllowDirectUser:  b.AllowDirectUser,
		},
		Authorization: b.Authorization.value(),
		RegID:         b.RegID,
		Path:          path,
		BehindNAT:     b.BehindNAT,
		Unreachable:   b.Unreachable,
	}, nil
}

func (a *authorization) value() registration.Authorization {
	if a == nil {
		return registration.Authorization{}
	}
	return registration.Authorization{
		Username: string(a.Username), Realm: string(a.Realm), Algorithm: string(a.Algorithm), Given: a.Given.time(), Until: a.Until.time(),
	}
}

func fromTombstone(t tombstone) (registration.Tombstone, error) {
	grave := registration.Tombstone{
		CallID: string(t.CallID), CSeq: t.CSeq, Until: t.Until.time(), Instance: string(t.Instance), RegID: t.RegID,
	}
	if t.Contact == wildcard {
		grave.Wildcard = true
		return grave, nil
	}
	var err error
	if grave.Contact, err = sip.ParseAddress(string(t.Contact)); err != nil {
		return grave, fmt.Errorf("stored contact: %w", err)
	}
	return grave, nil
}

// millis is a moment in epoch milliseconds.
type millis int64

func toMillis(t time.Time) millis { return millis(t.UnixMilli()) }
func (m millis) time() time.Time  { return time.UnixMilli(int64(m)).UTC() }
