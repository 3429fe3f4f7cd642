package load

import (
	"fmt"
	"math"
	"strconv"
)

// maxSources is how many addresses there are for phones: 10.0.0.0/8.
const maxSources = 1 << 24

// intruders is how many addresses those come from who try a password: 172.16.0.0/12. Were they those of the phones, bans would
// hit these too.
const intruders = 1 << 20

// An origin is where a request comes from.
type origin struct {
	address uint32 // IPv4
	port    uint16
}

// originOf is the address of a phone; user is its number in the whole population.
func originOf(user, sources uint32) origin {
	shared := user / sources // how many phones before it have the same address
	return origin{10<<24 + (user%sources+1)%maxSources, uint16(1024 + shared%64000)}
}

// originOfIntruder is another one for each number, as long as there are some.
func originOfIntruder(number uint32) origin {
	return origin{172<<24 + 16<<16 + number%intruders, 5060}
}

func (o origin) appendAddress(to []byte) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		to = strconv.AppendUint(to, uint64(o.address>>shift&0xFF), 10)
		if shift > 0 {
			to = append(to, '.')
		}
	}
	return to
}

func (o origin) append(to []byte) []byte {
	return strconv.AppendUint(append(o.appendAddress(to), ':'), uint64(o.port), 10)
}

// A transport is how a phone speaks to its server.
type transport struct {
	via       string // in the Via
	protocol  string // as a drachtio server names it: tcp for WebSockets too
	parameter string // of the Contact
	socket    bool   // a browser has no address that it would name
	port      string // of the server
}

var transports = map[string]transport{
	"udp": {via: "UDP", protocol: "udp", port: "5060"},
	"tcp": {via: "TCP", protocol: "tcp", parameter: ";transport=tcp", port: "5060"},
	"tls": {via: "TLS", protocol: "tls", parameter: ";transport=tls", port: "5061"},
	"ws":  {via: "WS", protocol: "tcp", parameter: ";transport=ws", socket: true, port: "5066"},
	"wss": {via: "WSS", protocol: "tcp", parameter: ";transport=ws", socket: true, port: "8443"},
}

// deal lays the transports out in the order in which phones take them, each as often as its weight says.
func deal(shares []Share) ([]transport, error) {
	var dealt []transport
	for _, share := range shares {
		t, known := transports[share.Transport]
		if !known {
			return nil, fmt.Errorf("transport %q is none of udp, tcp, tls, ws, wss", share.Transport)
		}
		if share.Weight < 0 || share.Weight > math.MaxUint16 {
			return nil, fmt.Errorf("weight %d of %s", share.Weight, share.Transport)
		}
		for range share.Weight {
			dealt = append(dealt, t)
		}
	}
	if len(dealt) == 0 {
		return nil, fmt.Errorf("no transport has a weight")
	}
	return dealt, nil
}
