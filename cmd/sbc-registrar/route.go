package main

import (
	"encoding/json"
	"net/http"

	"sbc-registrar/actors"
	"sbc-registrar/cluster"
	"sbc-registrar/registration"
)

// A routing is what a drachtio server gets that asks where a request should go: to the connection that has announced a tag, or to an
// application that listens at an address.
type routing struct {
	Action string      `json:"action"`
	Data   routingData `json:"data"`
}

type routingData struct {
	Tag    string `json:"tag,omitempty"`
	URI    string `json:"uri,omitempty"`
	Status int    `json:"status,omitempty"`
}

// routeHandler answers drachtio's HTTP request handler: a REGISTER goes straight to the node that owns its address of record. What drachtio
// tells of it is the user of its To and the host of its request URI (RFC 3261 §10.2), which name the address of record. Where
// they do not, or nobody owns it at present, it comes to this node, which brings it to where it belongs.
func routeHandler(self cluster.Member, owner func(shard int) (cluster.Member, bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		answer := routing{Action: "reject", Data: routingData{Status: http.StatusNotImplemented}}
		if query.Get("method") == "REGISTER" {
			to := self
			if aor, err := registration.ParseAOR(query.Get("toUser") + "@" + query.Get("domain")); err == nil {
				if m, found := owner(actors.ShardOf(aor)); found {
					to = m
				}
			}
			answer = routing{Action: "route", Data: routingData{URI: to.Drachtio}}
			if to.Drachtio == "" {
				answer.Data.Tag = to.Tag
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(answer) // an error means that nobody waits for it
	})
}
