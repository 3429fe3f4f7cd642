// Package support holds what the specs stand on: the built program, the servers around it (a real redis-server, the
// embedded front end of package edge, an HTTP callback), the clients that register (raw SIP, SIPp, node programs), and
// matchers for what they get back.
//
// Everything here is told what to clean up by ginkgo.DeferCleanup when it is started, so a spec never stops anything unless
// stopping is what it is about. Helpers fail the running spec themselves; they return no errors. All of it listens on
// loopback, on ports the kernel chose, so that specs run beside each other in several processes.
//
// Every password and secret of the specs holds the mark Secret: no program under test may ever write it anywhere.
package support
