package redisstore

import (
	"encoding/json"
)

// text is a string from the network. JSON has no other strings than UTF-8 and encoding/json replaces the rest, but a
// Call-ID that comes back changed is another Call-ID: what is not UTF-8 is written as a list of one base64 text.
type text string

// UnmarshalJSON reads what appendText wrote.
func (t *text) UnmarshalJSON(raw []byte) error {
	if raw[0] != '[' {
		return json.Unmarshal(raw, (*string)(t))
	}
	var wrapped [1][]byte
	if err := json.Unmarshal(raw, &wrapped); err != nil {
		return err
	}
	*t = text(wrapped[0])
	return nil
}
