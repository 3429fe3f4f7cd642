package drachtio

import (
	"errors"
	"fmt"
	"time"
)

// Errors that Done of an Answer hears, besides *NOKError and those of EncodeCommand.
var (
	// ErrExpired says that the server had not confirmed the answer by its deadline. It may have been sent.
	ErrExpired = errors.New("drachtio: answer not confirmed by its deadline")
	// ErrClosed says that the client or listener ended before the server confirmed the answer.
	ErrClosed = errors.New("drachtio: closed")
	// ErrOverflow says that this was the oldest answer when newer ones needed its memory (MaxUnconfirmed). It may have been
	// sent.
	ErrOverflow = errors.New("drachtio: too many unconfirmed answers")
)

// An Answer is the final response to one Request.
type Answer struct {
	Transaction string
	Response    string      // a final SIP response without body, its lines ended by CRLF, the last one empty
	Deadline    time.Time   // until when, or a tenth of a second longer, it is sent and sent again; zero = in DefaultAnswerLifetime
	Done        func(error) // may be nil; called exactly once, from any goroutine, also from inside Answer
}

// A NOKError is what a server said when it did not send a response.
type NOKError struct {
	Reason string
	// Resent tells that the answer had been written before, to a connection that broke, or went by another connection than
	// its request came by. When the reason is an unknown transaction, nothing is wrong then: the server sent the
	// answer the first time, or was restarted and has forgotten its clients, who try again.
	Resent bool
}

func (e *NOKError) Error() string {
	return fmt.Sprintf("drachtio: response not sent: %.200q", e.Reason)
}

func (a Answer) frame(id []byte) ([]byte, error) {
	status, frame, err := Respond{Transaction: a.Transaction, Response: a.Response}.encode(id)
	if err == nil && status < 200 {
		return nil, ErrProvisional
	}
	return frame, err
}

func (a Answer) finish(err error) {
	if a.Done != nil {
		a.Done(err)
	}
}
