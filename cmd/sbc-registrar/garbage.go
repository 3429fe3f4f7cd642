package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// headroom is how much may be allocated between two garbage collections, at least. What the registrar keeps is little, tens of
// megabytes, and by its default the collector would run each time as much has been allocated again: several times a
// second under load, for a tenth of the processor and more.
const headroom = 160 << 20

// tuneCollector gives the collector that room. Whoever sets GOGC or GOMEMLIMIT decides for himself.
func tuneCollector() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	afterCollection(func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		debug.SetGCPercent(collectorPercent(m.HeapAlloc))
	})
}

// collectorPercent is what GOGC has to be for the headroom. It is more than by default where little is kept, and less where so much is that
// the default would let the process become twice as large.
func collectorPercent(live uint64) int {
	const least, most = 50, 2000
	return int(max(least, min(most, 100*headroom/max(live, 1))))
}

// afterCollection runs do after each collection, for the rest of the process: an object that nobody holds is finalized then.
func afterCollection(do func()) {
	type sentinel struct{ _ [16]byte }
	var arm func()
	arm = func() {
		runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
			do()
			arm()
		})
	}
	arm()
}
