package support

import (
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gcustom"
	"github.com/onsi/gomega/types"
)

// HaveStatus matches a Response by its status code.
func HaveStatus(code int) types.GomegaMatcher {
	return gcustom.MakeMatcher(func(r Response) (bool, error) { return r.Status == code, nil }).
		WithTemplate("Expected {{.Actual}}\n{{.To}} have status {{.Data}}", code)
}

// Grant matches a 200 that lists this contact URI with about these seconds: a second may have passed since.
func Grant(uri string, seconds int) types.GomegaMatcher {
	return And(HaveStatus(200), WithTransform(Response.Contacts, HaveKeyWithValue(uri, About(seconds))))
}

// About matches so many seconds, or up to two fewer: they are running.
func About(seconds int) types.GomegaMatcher {
	return And(BeNumerically(">=", seconds-2), BeNumerically("<=", seconds))
}

// ListNothing matches a 200 that lists no binding.
func ListNothing() types.GomegaMatcher {
	return And(HaveStatus(200), WithTransform(Response.Contacts, BeEmpty()))
}

// HaveHeader matches a Response by the first value of a header field.
func HaveHeader(name string, value types.GomegaMatcher) types.GomegaMatcher {
	return WithTransform(func(r Response) string { return r.Header.Get(name) }, value)
}

// AskToRetry matches a 503 that says when to come again.
func AskToRetry() types.GomegaMatcher {
	return And(HaveStatus(503), HaveHeader("Retry-After", MatchRegexp(`^[1-9]\d*$`)))
}
