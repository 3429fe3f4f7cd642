package support

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"time"

	"sbc-registrar/specs/support/history"
)

// A client is one socket of a device.
type client struct {
	household *Household
	device    *device
	number    int // in the history
	phone     *Phone
	patience  time.Duration
	random    *rand.Rand

	challenge *Response // that it can answer
	uses      int       // of its nonce
	again     *history.Operation
}

// live does one thing after the other.
func (c *client) live(stop <-chan struct{}) {
	pause := c.household.plan.Pause
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(c.random.Int64N(int64(pause) + 1))):
		}
		pause = c.household.plan.Pause
		o := c.next()
		if c.ask(&o) {
			c.household.enter(o)
		}
		c.again = nil
		if o.Outcome == history.Unknown || o.Outcome == history.Lost {
			pause = c.household.plan.Rest
			if c.random.IntN(3) == 0 {
				c.again = &o // it asks for the same once more, with the same CSeq
			}
		}
		if o.Outcome == history.Lost { // what it does next may be carried out before this
			c.number = int(c.household.clients.Add(1))
		}
	}
}

// next is what the client does next.
func (c *client) next() history.Operation {
	if c.again != nil {
		return history.Operation{
			Client: c.number, Kind: c.again.Kind, By: c.again.By, Contact: c.again.Contact, CSeq: c.again.CSeq, Mark: c.again.Mark,
		}
	}
	o := history.Operation{Client: c.number, By: c.device.number, Contact: c.device.number}
	if others := len(c.household.devices) - 1; others > 0 && c.random.IntN(10) == 0 {
		o.Contact = (o.Contact + 1 + c.random.IntN(others)) % (others + 1)
	}
	switch dice := c.random.IntN(100); {
	case dice < 60:
		o.Kind = history.Register
		o.Mark = int(c.device.mark.Load())
		if o.Mark == 0 || c.random.IntN(4) != 0 { // else it refreshes what it has
			o.Mark = int(c.household.marks.Add(1))
			c.device.mark.Store(int64(o.Mark))
		}
	case dice < 82:
		o.Kind = history.Unregister
	case dice < 88:
		o.Kind = history.RemoveAll
	default:
		o.Kind = history.Query
	}
	return o
}

// ask carries an operation out; false when it has not come to be asked for.
func (c *client) ask(o *history.Operation) bool {
	for range cmp.Or(c.household.plan.Rounds, 4) {
		if c.challenge == nil && !c.beChallenged() {
			return false
		}
		if o.CSeq == 0 {
			o.CSeq = uint32(c.device.cseq.Add(1))
		}
		c.uses++
		r := c.request(o)
		r.Headers = append(r.Headers, "Authorization: "+c.phone.credentials(*c.challenge, c.uses, r))
		o.Sent = time.Now()
		response, answered := c.phone.Try(r, c.patience)
		o.Done = time.Now()
		switch {
		case !answered:
			o.Outcome, o.Done, o.Note = history.Lost, o.Sent.Add(c.household.plan.Limbo), "no answer"
			return true
		case response.Status == 401: // its nonce is too old, or was used: nothing was changed
			c.challenge, c.uses = &response, 0
			if c.again == nil {
				o.CSeq = 0
			}
		default:
			return c.told(o, response)
		}
	}
	c.household.complain("challenged again and again: %v", o)
	return false
}

// told takes the answer of an operation.
func (c *client) told(o *history.Operation, response Response) bool {
	o.Note = fmt.Sprint(response.Status, " ", response.Reason)
	switch response.Status {
	case 200:
		o.Outcome = history.Accepted
		var err error
		if o.Listed, err = c.household.listed(response.Header.Values("Contact")); err != nil {
			c.household.complain("%v: %v", o, err)
		}
	case 500:
		o.Outcome = history.Overtaken
	case 503:
		o.Outcome = history.Unknown
	default:
		c.household.complain("%v is answered %v", o, response)
		return false
	}
	return true
}

// beChallenged gets a challenge.
func (c *client) beChallenged() bool {
	o := history.Operation{Kind: history.Query, By: c.device.number, CSeq: uint32(c.device.cseq.Add(1))}
	response, answered := c.phone.Try(c.request(&o), c.patience)
	switch {
	case !answered:
		c.household.mu.Lock()
		defer c.household.mu.Unlock()
		c.household.unasked++
		return false
	case response.Status == 503:
		return false
	}
	if response.Status != 401 {
		c.household.complain("without credentials: %v", response)
		return false
	}
	c.challenge, c.uses = &response, 0
	return true
}

// request is the REGISTER of an operation.
func (c *client) request(o *history.Operation) Register {
	by := c.household.devices[o.By]
	r := c.phone.Request(WithCallID(by.callID), WithCSeq(int(o.CSeq)))
	r.Branch, r.Contacts = newBranch(), nil
	uri := "<" + c.household.devices[o.Contact].contact + ">"
	switch o.Kind {
	case history.Register:
		r.Contacts = []string{fmt.Sprintf("%s;mark=%d", uri, o.Mark)}
	case history.Unregister:
		r.Contacts, r.Expires = []string{uri}, "0"
	case history.RemoveAll:
		r.Contacts, r.Expires = []string{"*"}, "0"
	default:
		r.Expires = ""
	}
	return r
}

var marked = regexp.MustCompile(`^<([^>]+)>(?:;[^,]*)?;mark=(\d+)(?:;[^,]*)?$`)

// listed are the marks of the Contacts in a list.
func (h *Household) listed(contacts []string) (map[int]int, error) {
	marks := map[int]int{}
	for _, text := range contacts {
		parts := marked.FindStringSubmatch(text)
		if parts == nil {
			return nil, fmt.Errorf("a Contact without a mark: %s", text)
		}
		number := slices.IndexFunc(h.devices, func(d *device) bool { return d.contact == parts[1] })
		mark, err := strconv.Atoi(parts[2])
		if _, twice := marks[number]; twice || number < 0 || err != nil {
			return nil, fmt.Errorf("nobody's Contact, or one that is listed twice: %s", text)
		}
		marks[number] = mark
	}
	return marks, nil
}
