package redisstore

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"sbc-registrar/registration"
)

// jambonzProjection is a JSON string at user:user@host whose TTL is the rest of the registration.
type jambonzProjection struct{ keys keyspace }

// A jambonzUser has the fields that the readers know, in the order in which they have always been written. Every API
// user sees them: nothing private goes in here.
type jambonzUser struct {
	Contact           string `json:"contact"`
	SBCAddress        string `json:"sbcAddress"`
	PrivateSBCAddress string `json:"privateSbcAddress,omitempty"`
	Protocol          string `json:"protocol"`
	Proxy             string `json:"proxy"`
	CallHook          string `json:"callHook,omitempty"`
	CallStatusHook    string `json:"callStatusHook,omitempty"`
	AllowDirectApp    bool   `json:"allow_direct_app_calling"`
	AllowDirectQueue  bool   `json:"allow_direct_queue_calling"`
	AllowDirectUser   bool   `json:"allow_direct_user_calling"`
	ExpiryTime        int64  `json:"expiryTime"`
}

func (j jambonzProjection) key(aor registration.AOR) string { return j.keys.jambonz(aor) }

func (j jambonzProjection) show(aor registration.AOR, b registration.Binding, now time.Time) []command {
	user := jambonzUser{
		Contact:           b.Contact.URI.String(),
		SBCAddress:        b.Flow.SBCAddress,
		PrivateSBCAddress: b.Flow.PrivateSBCAddress,
		Protocol:          b.Flow.Protocol,
		Proxy:             "sip:" + b.Flow.Source.String(),
		CallHook:          b.Grants.CallHook,
		CallStatusHook:    b.Grants.CallStatusHook,
		AllowDirectApp:    b.Grants.AllowDirectApp,
		AllowDirectQueue:  b.Grants.AllowDirectQueue,
		AllowDirectUser:   b.Grants.AllowDirectUser,
		ExpiryTime:        b.Expires.UnixMilli(),
	}
	return []command{{"SET", j.key(aor), user.json(), "EX", wholeSeconds(b.Expires.Sub(now))}}
}

// json writes the user as JavaScript would: & < > as they are.
func (u jambonzUser) json() string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	// Strings, booleans and integers always have a JSON form, and a bytes.Buffer takes all that is written.
	_ = encoder.Encode(u)
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n")))
}

// activeUsers is the sorted set of all jambonz keys, by the epoch millisecond at which each registration ends.
type activeUsers struct{ keys keyspace }

func (a activeUsers) add(aor registration.AOR, b registration.Binding) command {
	return command{"ZADD", a.keys.activeUsers(), epoch(b.Expires), a.keys.jambonz(aor)}
}

func (a activeUsers) remove(aor registration.AOR) command {
	return command{"ZREM", a.keys.activeUsers(), a.keys.jambonz(aor)}
}

// trim drops those that have expired; Redis itself does not expire members.
func (a activeUsers) trim(now time.Time) command {
	return command{"ZREMRANGEBYSCORE", a.keys.activeUsers(), "0", epoch(now)}
}

func epoch(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
