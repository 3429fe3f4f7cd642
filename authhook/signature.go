package authhook

import (
	"encoding/hex"
	"hash"
	"strconv"
	"time"
)

// signatureHeader carries the proof that a question is ours.
const signatureHeader = "Jambonz-Signature"

// unsignedBody is what is signed in place of the body that a GET does not have.
const unsignedBody = "null"

// sign writes "t=<unix seconds>,v1=<hex HMAC-SHA256 of t, a dot and the body>". The callback recomputes it over the body that
// it received, raw or parsed and written again (jsonWriter). mac is an HMAC of the secret, in any state.
func sign(mac hash.Hash, now time.Time, body []byte) string {
	text := make([]byte, 0, 128)
	text = strconv.AppendInt(append(text, "t="...), now.Unix(), 10)
	mac.Reset()
	mac.Write(text[len("t="):])
	mac.Write([]byte{'.'})
	mac.Write(body)
	return string(hex.AppendEncode(append(text, ",v1="...), mac.Sum(nil)))
}
