package registration

import "time"

// Made is the 200 for a request whose change another run of it has made (ErrMade): it lists what is there now.
func Made(now time.Time, state State, r *Request, p Policy) Outcome {
	return accept(now, state.At(now), r, &p, Repeated, "another node carried it out")
}
