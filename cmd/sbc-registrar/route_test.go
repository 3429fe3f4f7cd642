package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"sbc-registrar/actors"
	"sbc-registrar/cluster"
	"sbc-registrar/registration"
)

func TestRouteHandler(t *testing.T) {
	aor, err := registration.ParseAOR("daveh@example.com")
	if err != nil {
		t.Fatal(err)
	}
	self := cluster.Member{Tag: "node-a"}
	dials := cluster.Member{Tag: "node-b"}
	listens := cluster.Member{Tag: "node-c", Drachtio: "10.0.0.3:3001"}
	for name, test := range map[string]struct {
		query string
		owner cluster.Member
		known bool
		want  string
	}{
		"an owner that dials":          {"method=REGISTER&domain=example.com&toUser=daveh", dials, true, `{"action":"route","data":{"tag":"node-b"}}`},
		"an owner that listens":        {"method=REGISTER&domain=EXAMPLE.com&toUser=daveh", listens, true, `{"action":"route","data":{"uri":"10.0.0.3:3001"}}`},
		"nobody owns it":               {"method=REGISTER&domain=example.com&toUser=daveh", dials, false, `{"action":"route","data":{"tag":"node-a"}}`},
		"what is no address of record": {"method=REGISTER&domain=&toUser=daveh", dials, true, `{"action":"route","data":{"tag":"node-a"}}`},
		"another method":               {"method=INVITE&domain=example.com&toUser=daveh", dials, true, `{"action":"reject","data":{"status":501}}`},
	} {
		t.Run(name, func(t *testing.T) {
			handler := routeHandler(self, func(shard int) (cluster.Member, bool) {
				return test.owner, test.known && shard == actors.ShardOf(aor)
			})
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", "/route/?"+test.query, nil))
			if got := strings.TrimSpace(w.Body.String()); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
