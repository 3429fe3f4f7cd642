package drachtio

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Errors of an answer that is not fit to be sent.
var (
	// ErrResponse says that the text is no SIP response that a server can be given without risk: a status line that it
	// cannot parse ends the whole server process, and a bare CR or LF becomes a header field of its own on the wire.
	ErrResponse = errors.New("drachtio: malformed SIP response")
	// ErrProvisional refuses a 1xx answer: it ends the transaction in the server, and the final response gets a NOK.
	ErrProvisional = errors.New("drachtio: a provisional response would end the transaction")
	// ErrTooLong says that the frame would not fit the server's buffer (MaxFrameOut).
	ErrTooLong = errors.New("drachtio: frame too long")
)

// checkResponse reads the status of a SIP response (RFC 3261 §7.2) and refuses every text that is not exactly a status
// line with a reason phrase, header fields of one line each, and an empty line; no body.
func checkResponse(text string) (status int, err error) {
	line, rest, ok := cutLine(text)
	status, valid := parseStatusLine(line)
	if !ok || !valid || hasControl(line) {
		return 0, fmt.Errorf("%w: status line", ErrResponse)
	}
	for n := 1; ; n++ {
		line, rest, ok = cutLine(rest)
		switch {
		case !ok:
			return 0, fmt.Errorf("%w: it does not end with an empty line", ErrResponse)
		case line == "" && rest != "":
			return 0, fmt.Errorf("%w: it has a body", ErrResponse)
		case line == "":
			return status, nil
		case !isHeaderLine(line):
			return 0, fmt.Errorf("%w: header field %d", ErrResponse, n)
		}
	}
}

// cutLine cuts a text behind its first line; false when the line does not end with CRLF.
func cutLine(text string) (line, rest string, ok bool) {
	end := strings.IndexByte(text, '\n')
	if end < 1 || text[end-1] != '\r' {
		return "", "", false
	}
	return text[:end-1], text[end+1:], true
}

// parseStatusLine reads "SIP/2.0 200 OK"; the reason phrase is mandatory here.
func parseStatusLine(line string) (status int, ok bool) {
	rest, ok := strings.CutPrefix(line, "SIP/2.0 ")
	code, reason, found := strings.Cut(rest, " ")
	if !ok || !found || len(code) != 3 || strings.TrimSpace(reason) == "" {
		return 0, false
	}
	number, err := strconv.ParseUint(code, 10, 16)
	return int(number), err == nil && number >= 100 && number <= 699
}

func isHeaderLine(line string) bool {
	colon := 0
	for colon < len(line) && tokenBytes[line[colon]] {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return false
	}
	value := line[colon:]
	return !hasControl(value) || !hasControl(strings.ReplaceAll(value, "\t", " "))
}

// tokenBytes are those of the token of RFC 3261 §25.1.
var tokenBytes = func() (set [256]bool) {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	for _, c := range []byte(letters + strings.ToUpper(letters) + "0123456789" + "-.!%*_+`'~") {
		set[c] = true
	}
	return set
}()
