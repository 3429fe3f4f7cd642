// Command sbc-registrar is a SIP registrar behind drachtio servers.
//
// Its exit status is 0 after a clean end, 1 after a failure and 2 when the command line or the configuration is wrong.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(execute(context.Background(), newRootCommand(), os.Args[1:]))
}
