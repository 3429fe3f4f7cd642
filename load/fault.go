package load

// A Fault is something that went wrong, whoever is to blame.
type Fault uint8

// The faults. All but Late and LeftOpen are mistakes: a run with one of them has failed.
const (
	NoAnswer       Fault = iota // within Options.Timeout
	Duplicate                   // a second answer to a transaction
	Unknown                     // an answer to a transaction that never was
	Provisional                 // an answer that ends the transaction without a result
	Unreadable                  // an answer that is no SIP response, or a command that is none
	TooLong                     // a frame that leaves a drachtio server deaf
	Unexpected                  // a status other than the right one
	Shed                        // a 503, where phones do not come again
	NoChallenge                 // a 401 without a challenge that a phone can answer
	NotListed                   // a 200 without the phone's Contact, or without its expires
	StillListed                 // a 200 with the Contact that was removed
	GrantedTooLong              // more than the phone asked for
	NoRoute                     // no application wants the request
	NotConnected                // no connection to the application
	WrongSecret                 // an application offered another secret
	NoPhone                     // all phones were busy when the next deed was due
	TooMany                     // Options.Limit deeds were under way
	NotBack                     // a user of an avalanche that was not registered in the end
	Late                        // an answer after the phone had given up; it counts as NoAnswer, too
	LeftOpen                    // a connection to an application that it did not close after its answer
	faults
)

var faultNames = [faults]string{
	"noAnswer", "duplicate", "unknownTransaction", "provisional", "unreadable", "tooLong", "unexpectedStatus", "shed",
	"noChallenge", "notListed", "stillListed", "grantedTooLong", "noRoute", "notConnected", "wrongSecret", "noPhone", "tooMany",
	"notBack", "late", "leftOpen",
}

var faultTexts = [faults]string{
	"requests without an answer", "second answers to a transaction", "answers to a transaction that never was",
	"provisional answers", "answers or commands that cannot be read", "frames of more than 4,000 bytes",
	"answers with a status that is not the right one", "requests shed with 503",
	"401s without a challenge that a phone can answer", "200s that do not list the phone's Contact with its expires",
	"200s that list a Contact that was removed", "grants of more than was asked for", "requests that no application wanted",
	"connections that could not be made", "connections with a wrong secret", "deeds for which no phone was free",
	"deeds that were not begun since too many were under way", "users that are not back",
	"answers after the phone had given up", "connections that the application left open",
}

// String is the name of a fault in reports.
func (f Fault) String() string { return faultNames[f] }

// Text says what the fault is, in words that follow a number.
func (f Fault) Text() string { return faultTexts[f] }

// IsMistake tells whether a run with this fault has failed.
func (f Fault) IsMistake() bool { return f != Late && f != LeftOpen }

// Faults are all that there are.
func Faults() []Fault {
	all := make([]Fault, 0, faults)
	for f := range faults {
		all = append(all, f)
	}
	return all
}
