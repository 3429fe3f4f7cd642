package main

import (
	"errors"
	"strings"
)

// What stands between these markers people have written. The rest of the file is ours.
const (
	remarksBegin = "<!-- remarks -->"
	remarksEnd   = "<!-- end of remarks -->"
	noRemarks    = "None."
)

var errRemarks = errors.New("the markers of the remarks are broken: there is text that would be lost")

// remarksOf finds the remarks in what the file has been. A file with one marker and not the other is an error.
func remarksOf(old string) (string, error) {
	_, after, begun := strings.Cut(old, remarksBegin)
	remarks, _, ended := strings.Cut(after, remarksEnd)
	switch {
	case !begun && !strings.Contains(old, remarksEnd):
		return noRemarks, nil
	case !begun || !ended:
		return "", errRemarks
	case strings.TrimSpace(remarks) == "":
		return noRemarks, nil
	default:
		return strings.TrimSpace(remarks), nil
	}
}
