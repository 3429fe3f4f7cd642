package sip

import (
	"errors"
	"fmt"
)

// Errors of ParseRequest and of the questions to a Request.
var (
	ErrTooLarge       = errors.New("a SIP message has at most 65536 bytes")
	ErrNotRequest     = errors.New("not a SIP request")
	ErrMissingHeader  = errors.New("header field is missing")
	ErrRepeatedHeader = errors.New("header field appears more than once")
	ErrCSeq           = errors.New("malformed CSeq")
	ErrCallID         = errors.New("malformed Call-ID")
	ErrVia            = errors.New("malformed Via")
)

// Errors of URIs, addresses and their parameters.
var (
	ErrURI               = errors.New("malformed URI")
	ErrAddress           = errors.New("malformed address")
	ErrParameter         = errors.New("malformed parameter")
	ErrUnterminatedQuote = errors.New("quoted string does not end")
)

// Errors of ParseCredentials, besides ErrParameter and ErrUnterminatedQuote.
var (
	ErrScheme             = errors.New("no authentication scheme")
	ErrMissingParameter   = errors.New("mandatory parameter is missing")
	ErrDuplicateParameter = errors.New("parameter appears more than once")
	ErrNonceCount         = errors.New("nc is not eight hexadecimal digits")
)

// Errors of Response.Encode.
var (
	ErrStatus           = errors.New("a final response has a status from 200 to 699")
	ErrHeaderName       = errors.New("header field name is not allowed")
	ErrControlCharacter = errors.New("control character")
)

// because adds the reason, always our own words and never the sender's, to a sentinel.
func because(sentinel error, reason string) error {
	return fmt.Errorf("%w: %s", sentinel, reason)
}

// inField says which part of the message is broken.
func inField(name string, err error) error {
	return fmt.Errorf("%s: %w", name, err)
}
