package edge

import (
	"log/slog"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// largestDatagram is what fits into one UDP packet over IPv4.
const largestDatagram = 65507

// The library has two settings for the whole process only. Only this package uses its transports; its parser, which others
// use, knows neither. They are set before any transport can exist, for they are read without a lock.
func init() {
	// A response goes back by the way its request came, whatever its size: there is no other (RFC 3261 §18.2.2). The
	// library subtracts 200 before it compares.
	sip.UDPMTUSize = largestDatagram + 200
	// Its log quotes messages it cannot parse, credentials and all.
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
}

// requests parses what a front end must understand of a request, the way it came and where it ends; the rest is for apps.
var requests = sip.NewParser(sip.WithHeadersParsers(map[string]sip.HeaderParser{
	"via":            sip.DefaultHeadersParser()["via"],
	"v":              sip.DefaultHeadersParser()["via"],
	"content-length": sip.DefaultHeadersParser()["content-length"],
	"l":              sip.DefaultHeadersParser()["content-length"],
}))

// newLibrary sets up transports and transactions. A transaction ends when its client's connection closes, as with drachtio.
func newLibrary(handler sipgo.RequestHandler) (*sipgo.Server, error) {
	agent, err := sipgo.NewUA(
		sipgo.WithUserAgentParser(requests),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerTerminateOnConnClose()),
	)
	if err != nil {
		return nil, err
	}
	server, err := sipgo.NewServer(agent)
	if err != nil {
		return nil, err
	}
	server.OnNoRoute(handler) // there are no others: every method comes here
	return server, nil
}
