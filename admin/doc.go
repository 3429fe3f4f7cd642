// Package admin is the HTTP server for those who run the registrar.
//
//	GET /healthz  200 as long as the process answers
//	GET /readyz   200 when every check passes, else 503; the JSON body names each check, its state and its error
//	GET /metrics  what the handler that Start was given says, if any
//	GET /route    where a REGISTER should go, for the HTTP request handler of drachtio servers; in a cluster only
//	GET /debug/pprof/  Go's profiler, where it is switched on
//
// Every request to /readyz runs the checks anew, all at once and each within two seconds: an answer is never older than
// its question, so that a draining node is out of rotation with the next probe. Start returns once the port is open;
// Close ends what Start began and may be called more than once. The caller keeps secrets out of the errors of its
// checks: they are shown. No request is logged.
package admin
