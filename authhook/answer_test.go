package authhook

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"sbc-registrar/registration"
	"sbc-registrar/sip"
)

func TestAnswersThatAreClear(t *testing.T) {
	ok := registration.Verdict{OK: true}
	granted := func(seconds int64) registration.Verdict {
		return registration.Verdict{OK: true, Expires: time.Duration(seconds) * time.Second}
	}
	stands := func(seconds int64) registration.Verdict { // rule 53
		valid := time.Duration(seconds) * time.Second
		return registration.Verdict{OK: true, Valid: &valid}
	}
	for _, c := range []struct {
		answer string
		want   registration.Verdict
	}{
		{`{"status":"ok"}`, ok},
		{"\r\n\t {\"status\" : \"OK\"}\n", ok},
		{`{"st\u0061tus":"\u006fk"}`, ok},
		{`{"status":"oK","Status":"fail","application_sid":{"a":[1,{"status":"fail"}]},"x":1,"x":2}`, ok},
		{`{"status":"ok","expires":300}`, granted(300)},
		{`{"status":"ok","expires":"300"}`, granted(300)},
		{`{"status":"ok","expires":3e2}`, granted(300)},
		{`{"status":"ok","expires":30.9}`, granted(30)},
		{`{"status":"ok","expires":0.5}`, granted(1)},
		{`{"status":"ok","expires":0}`, ok},
		{`{"status":"ok","auth_valid":600}`, stands(600)},
		{`{"status":"ok","auth_valid":"600"}`, stands(600)},
		{`{"status":"ok","auth_valid":0}`, stands(0)},
		{`{"status":"ok","auth_valid":null}`, ok},
		{`{"status":"fail","auth_valid":600}`, registration.Verdict{}},
		{`{"status":"ok","expires":-0}`, ok},
		{`{"status":"ok","expires":1e999}`, granted(4294967295)},
		{`{"status":"ok","expires":"99999999999999999999"}`, granted(4294967295)},
		{`{"status":"ok","expires":null,"msg":null,"call_hook":null,"headers":null,"blacklist":null,"allow_direct_app_calling":null}`, ok},
		{
			`{"status":"ok","call_hook":"https://x/1","call_status_hook":"https://x/2","allow_direct_app_calling":true,` +
				`"allow_direct_queue_calling":1,"allow_direct_user_calling":false}`,
			registration.Verdict{OK: true, Grants: registration.Grants{
				CallHook: "https://x/1", CallStatusHook: "https://x/2", AllowDirectApp: true, AllowDirectQueue: true,
			}},
		},
		{`{"status":"ok","aor":["daveh","eve@example.com","sip:x@EXAMPLE.com"]}`,
			registration.Verdict{OK: true, AORs: []string{"daveh", "eve@example.com", "sip:x@EXAMPLE.com"}}},
		{`{"status":"ok","aor":null}`, ok},
		{`{"status":"ok","aor":[]}`, ok},
		{`{"status":"fail","aor":["daveh"]}`, registration.Verdict{}},
		{`{"status":"ok","blacklist":true,"headers":{"X-A":"b"}}`, ok},
		{`{"status":"fail"}`, registration.Verdict{}},
		{`{"status":"FAIL","msg":"invalid\r\nuser\u0000\u202e"}`, registration.Verdict{Message: "invalid..user.."}},
		{`{"status":"fail","blacklist":true}`, registration.Verdict{Blacklist: true}},
		{`{"status":"fail","blacklist":3600}`, registration.Verdict{}},
		{`{"status":"fail","expires":60,"call_hook":"https://x","allow_direct_app_calling":true}`, registration.Verdict{}},
		{
			`{"status":"fail","headers":{"X-Reason":"too many, really","Retry-After":"60","X-Empty":""}}`,
			registration.Verdict{Headers: []sip.Header{
				{Name: "X-Reason", Value: "too many, really"}, {Name: "Retry-After", Value: "60"}, {Name: "X-Empty"},
			}},
		},
	} {
		t.Run(c.answer, func(t *testing.T) {
			got, err := parseAnswer([]byte(c.answer))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestAnswersThatAreNot(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{``, "JSON"},
		{` `, "JSON"},
		{`ok`, "JSON"},
		{`"ok"`, "object"},
		{`null`, "object"},
		{`[{"status":"ok"}]`, "object"},
		{`{"status":"ok"`, "JSON"},
		{`{"status":"ok",}`, "JSON"},
		{`{'status':'ok'}`, "JSON"},
		{`{"status":"ok"}}`, "JSON"},
		{`{"status":"ok"}{"status":"ok"}`, "JSON"},
		{`{"status":"ok"} x`, "JSON"},
		{"\ufeff" + `{"status":"ok"}`, "JSON"},
		{"{\"status\":\"ok\",\"a\":\"\xff\"}", "JSON"},
		{"{\"status\":\"o\nk\"}", "JSON"},
		{`{}`, "no status"},
		{`{"Status":"ok"}`, "no status"},
		{`{"STATUS":"ok"}`, "no status"},
		{`{"status":null}`, "no status"},
		{`{"status":""}`, "no status"},
		{`{"status":true}`, "status"},
		{`{"status":["ok"]}`, "status"},
		{`{"status":"ok "}`, "neither"},
		{`{"status":"okay"}`, "neither"},
		{`{"status":"o\u212a"}`, "neither"}, // the Kelvin sign
		{`{"status":"failed"}`, "neither"},
		{`{"status":"fail","status":"ok"}`, "status twice"},
		{`{"status":"ok","st\u0061tus":"ok"}`, "status twice"},
		{`{"status":"ok","expires":60,"expires":3600}`, "expires twice"},
		{`{"status":"ok","expires":null,"expires":3600}`, "expires twice"},
		{`{"status":"ok","expires":-1}`, "expires"},
		{`{"status":"ok","expires":-1e999}`, "expires"},
		{`{"status":"ok","expires":"-1"}`, "expires"},
		{`{"status":"ok","expires":""}`, "expires"},
		{`{"status":"ok","expires":"1e3"}`, "expires"},
		{`{"status":"ok","expires":"60s"}`, "expires"},
		{`{"status":"ok","expires":" 60"}`, "expires"},
		{`{"status":"ok","expires":true}`, "expires"},
		{`{"status":"ok","expires":{}}`, "expires"},
		{`{"status":"ok","expires":[60]}`, "expires"},
		{`{"status":"ok","auth_valid":-1}`, "auth_valid"},
		{`{"status":"ok","auth_valid":"soon"}`, "auth_valid"},
		{`{"status":"ok","auth_valid":false}`, "auth_valid"},
		{`{"status":"ok","auth_valid":0,"auth_valid":3600}`, "auth_valid twice"},
		{`{"status":"ok","msg":1}`, "msg"},
		{`{"status":"ok","call_hook":{"url":"https://x"}}`, "call_hook"},
		{`{"status":"ok","call_hook":"https://x\n"}`, "call_hook"},
		{`{"status":"ok","call_status_hook":"https://x\u0000"}`, "call_status_hook"},
		{`{"status":"ok","call_status_hook":7}`, "call_status_hook"},
		{`{"status":"ok","allow_direct_app_calling":"true"}`, "allow_direct_app_calling"},
		{`{"status":"ok","allow_direct_queue_calling":2}`, "allow_direct_queue_calling"},
		{`{"status":"ok","allow_direct_user_calling":{}}`, "allow_direct_user_calling"},
		{`{"status":"fail","blacklist":"true"}`, "blacklist"},
		{`{"status":"fail","headers":[]}`, "headers"},
		{`{"status":"fail","headers":"X-A: b"}`, "headers"},
		{`{"status":"fail","headers":{"X-A":1}}`, "headers"},
		{`{"status":"fail","headers":{"X-A":null}}`, "headers"},
		{`{"status":"fail","headers":{"X-A":["b"]}}`, "headers"},
		{`{"status":"fail","headers":{"X-A":"b","x-a":"c"}}`, "headers"},
		{`{"status":"fail","headers":{"X-A":"b\r\nX-B: c"}}`, "headers"},
		{`{"status":"fail","headers":{"X-A":"b\u0000"}}`, "headers"},
		{`{"status":"fail","headers":{"X-A":"b\u0085"}}`, "headers"},
		{`{"status":"fail","headers":{"":"b"}}`, "headers"},
		{`{"status":"fail","headers":{"X A":"b"}}`, "headers"},
		{`{"status":"fail","headers":{"X-A:":"b"}}`, "headers"},
		{`{"status":"fail","headers":{"X-\u00e4":"b"}}`, "headers"},
		{`{"status":"fail","headers":{"X\r\nVia":"b"}}`, "headers"},
		{`{"status":"fail","headers":{"Via":"SIP/2.0/UDP x"}}`, "headers"},
		{`{"status":"fail","headers":{"l":"999"}}`, "headers"},
		{`{"status":"fail","headers":{"CONTENT-length":"999"}}`, "headers"},
		{`{"status":"fail","headers":{"X-A":"` + strings.Repeat("x", maxRefusal) + `"}}`, "headers"},
		{strings.Repeat(`{"status":`, 11000) + `"ok"` + strings.Repeat(`}`, 11000), "JSON"},
	} {
		name := c.answer[:min(len(c.answer), 80)]
		t.Run(name, func(t *testing.T) {
			got, err := parseAnswer([]byte(c.answer))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v, want an error about %s", got, err, c.want)
			}
			if !reflect.DeepEqual(got, registration.Verdict{}) {
				t.Errorf("the error comes with %+v", got)
			}
		})
	}
}

func TestALongMessageIsCut(t *testing.T) {
	got, err := parseAnswer([]byte(`{"status":"fail","msg":"` + strings.Repeat("é", 1000) + `"}`))
	if err != nil || len(got.Message) > maxMessage+len("…") || !strings.HasPrefix(got.Message, "éé") {
		t.Errorf("got %d bytes, %v", len(got.Message), err)
	}
}

// FuzzAnswer holds the parser against encoding/json: what is granted says so in an exact, single status; nothing that
// leaves the parser can break a header field or a log line.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"status":"ok"}`, `{"status":"fail","msg":"invalid username"}`, `{"status":"OK","expires":"60","call_hook":"https://x"}`,
		`{"status":"fail","blacklist":true,"headers":{"X-A":"b","Retry-After":"5"}}`, `{"status":"ok","expires":1e999,"a":[{}],"auth_valid":0}`,
		`{"status":"ok","status":"fail"}`, `{"st\u0061tus":"ok"}`, `[]`, `{"status":"ok"} {}`, `{"headers":{"X":"\u000d"},"status":"fail"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := parseAnswer(body)
		if err != nil {
			if hasControl(err.Error()) || !reflect.DeepEqual(v, registration.Verdict{}) {
				t.Fatalf("error %q with %+v", err, v)
			}
			return
		}
		var reference map[string]any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber() // 1e999 is a number too
		if err := decoder.Decode(&reference); err != nil {
			t.Fatalf("accepted what is no JSON object: %v", err)
		}
		if status, _ := reference["status"].(string); v.OK != strings.EqualFold(status, "ok") || v.OK == strings.EqualFold(status, "fail") {
			t.Fatalf("status %q became %v", status, v.OK)
		}
		if v.Expires < 0 || v.Expires > maxLifetime*time.Second || v.Expires%time.Second != 0 {
			t.Fatalf("expires %s", v.Expires)
		}
		if v.Valid != nil && (*v.Valid < 0 || *v.Valid > maxLifetime*time.Second || *v.Valid%time.Second != 0) {
			t.Fatalf("auth_valid %s", *v.Valid)
		}
		if !v.OK && (v.Expires != 0 || v.Valid != nil || v.Grants != registration.Grants{}) {
			t.Fatalf("a refusal grants %+v", v)
		}
		if hasControl(v.Message + v.Grants.CallHook + v.Grants.CallStatusHook) {
			t.Fatalf("a control character in %+v", v)
		}
		for _, h := range v.Headers {
			if !isToken(h.Name) || hasControl(h.Value) {
				t.Fatalf("header %+v", h)
			}
		}
	})
}
