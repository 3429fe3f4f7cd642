package main

import "context"

// A background is work on a goroutine of its own that goes on until it is stopped.
type background struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func inBackground(work func(context.Context)) *background {
	ctx, cancel := context.WithCancel(context.Background())
	b := &background{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		work(ctx)
	}()
	return b
}

// stop ends the work and waits for it.
func (b *background) stop() {
	b.cancel()
	<-b.done
}
