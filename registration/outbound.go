package registration

import (
	"sbc-registrar/sip"
)

// checkOutbound holds rule 46 as far as it needs no state (RFC 5626 §6).
func checkOutbound(r *Request, p Policy) *Outcome {
	if !r.isOutbound() {
		return nil
	}
	if !firstHopKeepsFlows(r) {
		return refuse(439, "reg-id, but the first hop does not keep flows")
	}
	kept, withFlow := 0, false
	for _, contact := range r.Contacts.Addresses {
		if p.wish(r, contact) > 0 {
			kept++
			withFlow = withFlow || r.regID(contact) != 0
		}
	}
	if kept > 1 && withFlow {
		return refuse(400, "one flow cannot register several Contacts")
	}
	return nil
}

// isOutbound tells whether a Contact of the request is bound to a flow.
func (r *Request) isOutbound() bool {
	for _, contact := range r.Contacts.Addresses {
		if r.regID(contact) != 0 {
			return true
		}
	}
	return false
}

// firstHopKeepsFlows tells whether the hop next to the client supports Outbound. We do, when there is no other: the
// drachtio server adds no Via and keeps the flow. A proxy says so by the ob parameter of its Path URI; each proxy puts its
// own before those that are there (RFC 3327 §5.2), so that the first hop's is the last.
func firstHopKeepsFlows(r *Request) bool {
	if len(r.Path) == 0 {
		return len(r.SIP.Tokens("Via")) <= 1 // the client's own; each proxy adds one
	}
	_, ob := r.Path[len(r.Path)-1].URI.Params.Get("ob")
	return ob
}

// requireOutbound tells the client that its reg-id was understood: it may rely on the flow (rule 46, RFC 5626 §6).
func requireOutbound(r *Request) []sip.Header {
	if !r.isOutbound() {
		return nil
	}
	return []sip.Header{{Name: "Require", Value: "outbound"}}
}
