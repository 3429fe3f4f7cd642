package faults_test

import (
	"fmt"
	"net/http"

	. "sbc-registrar/specs/support"
)

// grant is the answer of a callback that lets somebody in.
func grant(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}`)) // the registrar may have hung up: that is its right
}

// quiet makes a registrar that is to be flooded log less, and count nobody's REGISTERs.
func quiet(site *Site) {
	site.Settings.Set("logging.level", "info")
	site.Settings.Set("abuse.sourceRate", 0)
	site.Settings.Set("abuse.aorRate", 0)
}

// transactionNumber is a transaction as drachtio servers name them.
func transactionNumber(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
