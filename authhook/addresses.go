package authhook

import (
	"encoding/json"
	"errors"
	"strings"

	"sbc-registrar/registration"
)

// addresses reads the list of addresses of record, or of users of the asked domain, that the credentials are good for
// beside their own. It widens what somebody may do, so an element that is neither is an error: a list misread would
// either refuse the right user or admit the wrong one.
func addresses(value []byte, to *[]string) error {
	if isNull(value) {
		return nil
	}
	var list []*string
	if json.Unmarshal(value, &list) != nil {
		return errors.New("not a list of strings")
	}
	for _, element := range list {
		if element == nil || !isAddress(*element) {
			return errors.New("an element is neither user@host nor a user")
		}
		*to = append(*to, *element)
	}
	return nil
}

func isAddress(text string) bool {
	if !strings.Contains(text, "@") {
		if strings.Contains(text, ":") { // a scheme without an address
			return false
		}
		text += "@user.invalid"
	}
	_, err := registration.ParseAOR(text)
	return err == nil
}
