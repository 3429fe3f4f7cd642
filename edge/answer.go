package edge

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"
)

// answers reads the responses of apps. It parses Contact and Expires, for a drachtio server refuses broken ones, and takes
// all else as it is.
var answers = sip.NewParser(sip.WithHeadersParsers(map[string]sip.HeaderParser{
	"contact": sip.DefaultHeadersParser()["contact"],
	"m":       sip.DefaultHeadersParser()["contact"],
	"expires": parseExpires,
}))

func parseExpires(_ []byte, value string) (sip.Header, error) {
	if _, err := strconv.ParseUint(value, 10, 32); err != nil {
		return nil, fmt.Errorf("expires: %w", err)
	}
	return sip.NewHeader("Expires", value), nil
}

// parseAnswer reads a response as an app sent it.
func parseAnswer(text string) (*sip.Response, error) {
	message, err := answers.ParseSIP([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("parse the answer: %w", err)
	}
	response, ok := message.(*sip.Response)
	if !ok || response.StatusCode < 100 || response.StatusCode > 699 {
		return nil, fmt.Errorf("parse the answer: it is no response")
	}
	return response, nil
}

// fill makes the response that goes to the client: the Vias of the request, then From, To, Call-ID and CSeq, from the
// request when the app left them out, then the app's other header fields (RFC 3261 §8.2.6.2).
func (t *transaction) fill(answer *sip.Response) *sip.Response {
	out := sip.NewResponse(answer.StatusCode, answer.Reason)
	for _, via := range fields(t.request.Headers(), "Via") {
		out.AppendHeader(sip.NewHeader("Via", via))
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		values := fields(answer.Headers(), name)
		if len(values) == 0 {
			values = fields(t.request.Headers(), name)
		}
		if len(values) == 0 {
			continue // the request was refused for that
		}
		value := values[0]
		if name == "To" && answer.StatusCode > 100 && !tagged(value) {
			value += ";tag=" + uuid.NewString()
		}
		out.AppendHeader(sip.NewHeader(name, value))
	}
	for _, header := range answer.Headers() {
		if !filled(header.Name()) {
			out.AppendHeader(sip.NewHeader(header.Name(), header.Value()))
		}
	}
	out.SetBody(answer.Body())
	out.SetTransport(t.request.Transport())
	out.SetDestination(t.source.String())
	return out
}

// filled tells whether the front end writes this header field itself.
func filled(name string) bool {
	switch fullName(name) {
	case "via", "from", "to", "call-id", "cseq", "content-length":
		return true
	default:
		return false
	}
}

// fields are the values of the header fields of that name.
func fields(headers []sip.Header, name string) []string {
	name = strings.ToLower(name)
	var values []string
	for _, header := range headers {
		if fullName(header.Name()) == name {
			values = append(values, header.Value())
		}
	}
	return values
}

// fullName is the name of a header field in lower case, its compact form written out (RFC 3261 §7.3.3).
func fullName(name string) string {
	switch name = strings.ToLower(name); name {
	case "v":
		return "via"
	case "f":
		return "from"
	case "t":
		return "to"
	case "i":
		return "call-id"
	case "l":
		return "content-length"
	default:
		return name
	}
}

// tagged tells whether an address has a tag parameter. It looks behind the URI only, where one in angle brackets ends.
func tagged(address string) bool {
	parameters := address[strings.LastIndexByte(address, '>')+1:]
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, _, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "tag") {
			return true
		}
	}
	return false
}
