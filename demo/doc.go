// Package demo holds the parts that stand in for the customer's systems when somebody tries the registrar out: a few users,
// a web callback that knows their passwords, a Redis in memory. None of it is for service: the passwords are public.
//
// Each Start function listens before it returns, so that what it hands out can be used at once; its error names the
// address that could not be had. Whoever starts a part closes it. All parts are safe for concurrent use.
package demo
