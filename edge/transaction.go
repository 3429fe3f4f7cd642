package edge

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"

	"sbc-registrar/drachtio"
)

// largestRequest leaves room in a frame for its head and for what is added to the Via.
const largestRequest = drachtio.MaxFrameIn - 1024

// A transaction is one SIP request that waits for its answer. Nothing in it changes after newTransaction but answered.
type transaction struct {
	id       string
	request  *sip.Request // with the top Via stamped
	size     int          // bytes as received
	protocol string       // as a drachtio server names it: tcp for WebSockets too
	source   netip.AddrPort
	received netip.AddrPort
	at       time.Time
	server   sip.ServerTransaction
	answered chan struct{} // closed when the answer has left or failed to
}

// newTransaction reads a request once, so that no other goroutine has to.
func newTransaction(request *sip.Request, server sip.ServerTransaction, local netip.AddrPort) (*transaction, error) {
	source, err := netip.ParseAddrPort(request.Source())
	if err != nil {
		return nil, fmt.Errorf("source of a request: %w", err)
	}
	t := &transaction{
		id:       uuid.NewString(),
		request:  request.Clone(), // the library keeps the original
		size:     len(request.String()),
		protocol: protocolName(request.Transport()),
		source:   source,
		received: local,
		at:       time.Now(),
		server:   server,
		answered: make(chan struct{}),
	}
	stamp(t.request.Via(), source)
	return t, nil
}

// protocolName is what a drachtio server calls a transport.
func protocolName(transport string) string {
	switch name := strings.ToLower(transport); name {
	case "ws", "wss":
		return "tcp"
	default:
		return name
	}
}

// stamp notes in the top Via where the request came from (RFC 3261 §18.2.1, RFC 3581 §4). The port is noted even when the
// client did not ask for it: a drachtio server always does, and always answers to the source.
func stamp(via *sip.ViaHeader, source netip.AddrPort) {
	via.Params.Add("rport", strconv.Itoa(int(source.Port())))
	if sentBy, err := netip.ParseAddr(via.Host); err != nil || sentBy.Unmap() != source.Addr().Unmap() {
		via.Params.Add("received", source.Addr().Unmap().String())
	}
}

// verb is the method as apps route it.
func (t *transaction) verb() string { return strings.ToLower(string(t.request.Method)) }

// refusal is the answer to a request that no app shall see, nil for one that is fit: it has what every request must have,
// once (RFC 3261 §8.1.1), and fits into a frame. CSeq and Via are there, or there would be no transaction.
func (t *transaction) refusal() *sip.Response {
	if t.size > largestRequest {
		return sip.NewResponse(sip.StatusMessageTooLarge, "Message Too Large")
	}
	for _, name := range []string{"From", "To", "Call-ID"} {
		if len(fields(t.request.Headers(), name)) != 1 {
			return sip.NewResponse(sip.StatusBadRequest, "Bad Request")
		}
	}
	return nil
}

// respond sends a response to the client.
func (t *transaction) respond(answer *sip.Response) (*sip.Response, error) {
	out := t.fill(answer)
	if err := t.server.Respond(out); err != nil {
		return nil, fmt.Errorf("respond to %s: %w", t.id, err)
	}
	return out, nil
}

// errUnknownTransaction is what a drachtio server says to an answer that it can send to nobody.
var errUnknownTransaction = errors.New("Response not sent due to unknown transaction") //nolint:staticcheck // its words

// errUnsendable is what it says to an answer that it cannot read.
var errUnsendable = errors.New("Unknown server error sending response") //nolint:staticcheck // its words

// held are the transactions that wait for an answer, by id.
type held struct {
	mu   sync.Mutex
	byID map[string]*transaction
}

func (h *held) add(t *transaction) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.byID[t.id] = t
}

// take gives a transaction to the caller alone: who gets it answers it.
func (h *held) take(id string) (*transaction, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.byID[id]
	delete(h.byID, id)
	return t, ok
}

func (h *held) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.byID)
}
