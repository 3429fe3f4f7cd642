package sip

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxParams bounds the work that one header field can cause: comparing parameters is quadratic.
const maxParams = 64

// A Param is one parameter of a URI or a header field. HasValue tells ";ob" from ";ob=".
type Param struct {
	Name     string
	Value    string // as written: a quoted string keeps its quotes
	HasValue bool
}

// Unquoted returns the value without the quotes and escapes of a quoted string.
func (p Param) Unquoted() string { return unquote(p.Value) }

// Params are parameters in the order they were written, repeated ones included.
type Params []Param

// Get finds the first parameter of that name, whatever its case.
func (p Params) Get(name string) (Param, bool) {
	for _, param := range p {
		if strings.EqualFold(param.Name, name) {
			return param, true
		}
	}
	return Param{}, false
}

// Without returns the parameters less those named, whatever their case. The receiver stays as it is; when none is named, it is
// what is returned.
func (p Params) Without(names ...string) Params {
	isNamed := func(param Param) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(param.Name, name) })
	}
	if !slices.ContainsFunc(p, isNamed) {
		return slices.Clip(p)
	}
	var left Params
	for _, param := range p {
		if !isNamed(param) {
			left = append(left, param)
		}
	}
	return left
}

// String writes the parameters, each with its leading semicolon.
func (p Params) String() string {
	return string(cleaned(p.appendTo(make([]byte, 0, usualText)), 0))
}

func (p Params) appendTo(to []byte) []byte {
	for _, param := range p {
		to = append(append(to, ';'), param.Name...)
		if param.HasValue {
			to = append(append(to, '='), param.Value...)
		}
	}
	return to
}

// readHeaderParams reads *( SEMI generic-param ) up to a comma or the end (RFC 3261 §25.1), white space around ";" and
// "=" included. Empty parameters (";;") are passed over, as phones in the field write them.
func readHeaderParams(s string) (_ Params, rest string, err error) {
	var few [fewParams]Param
	params := few[:0]
	for s = skipSpace(s); s != "" && s[0] == ';'; s = skipSpace(s) {
		s = skipSpace(s[1:])
		if s == "" || s[0] == ';' || s[0] == ',' {
			continue
		}
		var param Param
		if param, s, err = readHeaderParam(s); err != nil {
			return nil, "", err
		}
		if len(params) == maxParams {
			return nil, "", because(ErrParameter, "too many")
		}
		params = append(params, param)
	}
	if s != "" && s[0] != ',' {
		return nil, "", because(ErrParameter, "something follows that is none")
	}
	return kept(params), s, nil
}

// fewParams is how many parameters are collected on the stack: more than one usually sees.
const fewParams = 4

// kept are collected parameters in a place of their own; none are nil.
func kept(params []Param) Params { return append(Params(nil), params...) }

func readHeaderParam(s string) (param Param, rest string, err error) {
	param.Name, s = readToken(s)
	if param.Name == "" {
		return Param{}, "", because(ErrParameter, "no name")
	}
	after := skipSpace(s)
	if after == "" || after[0] != '=' {
		return param, s, nil
	}
	param.HasValue = true
	param.Value, rest, err = readValue(skipSpace(after[1:]), paramValueBytes)
	return param, rest, err
}

// The bytes of values without quotes: more than a token, since values such as unquoted URIs are seen in the field.
var (
	paramValueBytes = bytesBut(` ;,"<>`) // of a header parameter
	authValueBytes  = bytesBut(` ,"`)    // of a parameter of credentials
)

// readValue reads a quoted string, kept with its quotes, or what there is of the bytes of a value without.
func readValue(s string, unquoted *byteSet) (value, rest string, err error) {
	if s != "" && s[0] == '"' {
		return readQuoted(s)
	}
	end := unquoted.prefix(s)
	return s[:end], s[end:], nil
}

// parseDelta reads delta-seconds, clamped to 2^32-1 (RFC 3261 §20.19); ok is false when it is no number.
func parseDelta(s string) (seconds uint32, ok bool) {
	if !digitBytes.holds(s) {
		return 0, false
	}
	value, err := strconv.ParseUint(s, 10, 32)
	if err != nil { // digits only: it can be nothing but too large
		return math.MaxUint32, true
	}
	return uint32(value), true
}
