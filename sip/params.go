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

// Without returns the parameters less those named, whatever their case. The receiver stays as it is.
func (p Params) Without(names ...string) Params {
	var kept Params
	for _, param := range p {
		named := func(name string) bool { return strings.EqualFold(param.Name, name) }
		if !slices.ContainsFunc(names, named) {
			kept = append(kept, param)
		}
	}
	return kept
}

// String writes the parameters, each with its leading semicolon.
func (p Params) String() string {
	var out strings.Builder
	p.write(&out)
	return clean(out.String())
}

func (p Params) write(out *strings.Builder) {
	for _, param := range p {
		out.WriteByte(';')
		out.WriteString(param.Name)
		if param.HasValue {
			out.WriteByte('=')
			out.WriteString(param.Value)
		}
	}
}

// readHeaderParams reads *( SEMI generic-param ) up to a comma or the end (RFC 3261 §25.1), white space around ";" and
// "=" included. Empty parameters (";;") are passed over, as phones in the field write them.
func readHeaderParams(s string) (params Params, rest string, err error) {
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
	return params, s, nil
}

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
	param.Value, rest, err = readValue(skipSpace(after[1:]), ` ;,"<>`)
	return param, rest, err
}

// readValue reads a quoted string, kept with its quotes, or everything up to one of the stop bytes: more than a token,
// since values such as unquoted URIs are seen in the field.
func readValue(s, stops string) (value, rest string, err error) {
	if s != "" && s[0] == '"' {
		return readQuoted(s)
	}
	end := strings.IndexAny(s, stops)
	if end < 0 {
		end = len(s)
	}
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
