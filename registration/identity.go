package registration

import (
	"slices"
	"strings"
)

// An Identity says whose credentials are good for an address of record (rule 11).
type Identity string

// The identities.
const (
	IdentityUser      Identity = "user"      // the user name is the user part
	IdentityUserOrAOR Identity = "userOrAOR" // …or user@host
	IdentityAny       Identity = "any"       // the callback is asked for any user name, and must name the address of record
)

// Admits tells whether the callback is worth asking: the credentials are those of the address of record, or the callback
// may say that they are good for it as well. Their realm is its host, which reading them made sure of.
func (p Policy) Admits(r *Request) bool {
	return r.Credentials != nil && (p.Identity == IdentityAny || r.owns(p.Identity))
}

// Confine holds the callback's verdict to rule 11: an ok is one for the credentials' own address of record and for those
// that the callback names, each as user@host or as the bare user of the same domain. For any other it is a fail, and is
// answered like one.
func (p Policy) Confine(r *Request, v Verdict) Verdict {
	if v.OK && !r.owns(p.Identity) && !slices.ContainsFunc(v.AORs, r.AOR.isNamed) {
		return Verdict{Message: "it said ok, but not for this address of record"}
	}
	return v
}

// isNamed tells whether a text of the callback means this address.
func (a AOR) isNamed(text string) bool {
	if !strings.Contains(text, "@") {
		return canonicalUser(text) == a.User()
	}
	named, err := ParseAOR(text)
	return err == nil && named == a
}

func (r *Request) owns(identity Identity) bool {
	if r.Credentials == nil {
		return false
	}
	if canonicalUser(r.Credentials.Username) == r.AOR.User() {
		return true
	}
	if identity == IdentityUser {
		return false
	}
	named, err := ParseAOR(r.Credentials.Username)
	return err == nil && named == r.AOR
}
