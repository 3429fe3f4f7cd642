package authhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// signatureHeader carries the proof that a question is ours.
const signatureHeader = "Jambonz-Signature"

// unsignedBody is what is signed in place of the body that a GET does not have.
const unsignedBody = "null"

// sign writes "t=<unix seconds>,v1=<hex HMAC-SHA256 of t, a dot and the body>". The callback recomputes it over the body that
// it received, raw or parsed and written again (encodeJSON).
func sign(secret string, now time.Time, body []byte) string {
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
