//go:build !unix

package main

// descriptorLimit is how many files and sockets this process may have open; 0 = not known.
func descriptorLimit() int { return 0 }
