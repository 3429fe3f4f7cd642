package authhook

// Kinds lists all of them, for metrics that have to say 0 before something happens.
func Kinds() []Kind {
	return []Kind{KindTimeout, KindCanceled, KindTransport, KindStatus, KindBody, KindRequest}
}

// Label is the kind as metrics call it. With Charged it is what an error tells those who know nothing of this package.
func (e *Error) Label() string { return string(e.Kind) }

// Charged tells whether the callback, or the way to it, is to blame: what counts for leaving it alone.
func (e *Error) Charged() bool { return e.Kind != KindCanceled && e.Kind != KindRequest }
