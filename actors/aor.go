package actors

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/messages"
	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// maxDecisions is how often one REGISTER is decided anew because somebody else changed the stored state meanwhile.
const maxDecisions = 4

// aor carries out the REGISTERs of one address of record, one at a time (rule 7): callback, decision, store, answer. The rules
// decide; this actor only brings them what they need. Between REGISTERs it remembers the stored state, which saves
// a read, and which the store's version check keeps honest.
//
// Supervision: restart. The desk survives, so a panic costs the request in hand (it is answered 500) and none that wait;
// what is remembered of the store is forgotten, for it may be what made the panic.
type aor struct {
	deps  *dependencies
	desk  *desk
	state registration.State // what the store held when this actor last heard from it; zero = not known
}

func aorProps(deps *dependencies, authorizer, keeper *actor.PID) *actor.Props {
	d := &desk{authorizer: authorizer, keeper: keeper, capacity: deps.limits.QueuePerAOR}
	return actor.PropsFromProducer(func() actor.Actor { return &aor{deps: deps, desk: d} },
		actor.WithDispatcher(deps.goroutines), actor.WithMailbox(actor.UnboundedLockfree())) // the cheapest to allocate: there are many of these
}

// Receive implements actor.Actor.
func (a *aor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		if lost := a.desk.current; lost != nil { // a predecessor panicked over it
			a.answer(ctx, lost, panicked())
		}
		a.next(ctx)
	case messages.ToAOR:
		a.handle(ctx, m)
	}
}

func (a *aor) handle(ctx actor.Context, m messages.ToAOR) {
	switch m := m.(type) {
	case *messages.Register:
		a.accept(ctx, m)
	case *messages.AuthorizationGiven:
		if w := a.desk.holds(m.Work); w != nil {
			a.authorized(ctx, w, m)
		}
	case *messages.BindingsLoaded:
		if w := a.desk.holds(m.Work); w != nil {
			a.loaded(ctx, w, m)
		}
	case *messages.BindingsSaved:
		if w := a.desk.holds(m.Work); w != nil {
			a.saved(ctx, w, m)
		}
	case *messages.PassivationOffered:
		a.abandonOverdue(ctx)
		if a.desk.empty() {
			ctx.Respond(&messages.PassivationAccepted{AOR: a.desk.aor, Epoch: m.Epoch})
		}
	}
}

// accept begins a REGISTER, or lets it wait for those before it.
func (a *aor) accept(ctx actor.Context, m *messages.Register) {
	a.abandonOverdue(ctx)
	a.desk.aor = m.Request.AOR
	now := a.deps.now()
	if out := a.desk.put(m, ctx.Sender(), now); out != nil {
		a.turnAway(ctx, now, out, m)
	}
	a.next(ctx)
}

// turnAway answers a request that the desk has no place for, or that a newer one of its client has replaced.
func (a *aor) turnAway(ctx actor.Context, now time.Time, out *work, m *messages.Register) {
	outcome := a.deps.unavailable("a newer REGISTER of the client came")
	if out.request == m.Request {
		outcome = a.deps.entrance.shed(now, out.class, PerAOR, overload.Busy)
	}
	ctx.Send(out.from, &messages.RegisterAnswered{Transaction: out.request.Transaction, Outcome: outcome})
}

// abandonOverdue lets go of a request whose answer is past due: the connection has answered it, and what it waited for was
// lost. Without this one lost message would block its address of record for ever.
func (a *aor) abandonOverdue(ctx actor.Context) {
	if w := a.desk.current; w != nil && a.deps.now().After(w.request.Deadline.Add(a.deps.limits.Margin)) {
		a.state = registration.State{}
		a.answer(ctx, w, a.deps.unavailable(registration.DeadlinePassed))
	}
}

// realm is the one of the address of record.
func (a *aor) realm() *realm { return a.deps.realms.of(a.desk.aor.Host()) }

// next takes the next request that is still worth the work, unless one is in hand. One that the rules may absorb needs the
// state before the callback. One from where somebody is registered most likely changes bindings that are there: they are read while
// the callback is asked, for a change that was decided on none would be refused by the store, and have to be made twice.
func (a *aor) next(ctx actor.Context) {
	now := a.deps.now()
	w := a.desk.take(now)
	if w != nil {
		a.deps.meter.Waited(PerAOR, now.Sub(w.accepted))
	}
	switch {
	case w == nil:
	case a.state.Version == 0 && a.realm().Policy.MayAbsorb(w.request):
		a.load(ctx, w, now)
	case a.state.Version == 0 && w.known:
		w.reading = true
		a.load(ctx, w, now)
		a.decide(ctx, w)
	default:
		a.decide(ctx, w)
	}
}

func (a *aor) ask(ctx actor.Context, w *work) {
	ctx.Request(a.desk.authorizer, &messages.AuthorizationWanted{
		Work: w.number, Request: w.request, Class: w.class, Expires: a.realm().Policy.Wish(w.request),
	})
}

// load reads the state. Before the callback was asked it spends no nonce: what is not authenticated writes nothing.
func (a *aor) load(ctx actor.Context, w *work, now time.Time) {
	want := &messages.BindingsWanted{Work: w.number, AOR: w.request.AOR, Now: now, Deadline: w.request.Deadline}
	if w.judged {
		want.Use, w.spending = w.request.Use, true
	}
	ctx.Request(a.desk.keeper, want)
}

func (a *aor) authorized(ctx actor.Context, w *work, m *messages.AuthorizationGiven) {
	if m.Err != nil { // rules 44 and 54
		now := a.deps.now()
		if outcome, known := registration.Survive(now, a.state, w.request, a.realm().Policy); known {
			a.save(ctx, w, now, outcome.Because(outcome.Detail+": "+m.Err.Error()))
			return
		}
		a.answer(ctx, w, a.unasked(now, m.Err))
		return
	}
	w.verdict, w.judged = a.realm().Policy.Confine(w.request, m.Verdict), true
	if w.reading && w.verdict.OK {
		return // the state is on its way
	}
	a.decide(ctx, w)
}

// unasked is the outcome of a request whose callback told nothing.
func (a *aor) unasked(now time.Time, err error) registration.Outcome {
	var shed *shedError
	switch {
	case errors.As(err, &shed):
		return a.deps.entrance.shed(now, shed.class, shed.stage, shed.bound)
	case errors.Is(err, errExpired):
		return a.deps.unavailable(registration.DeadlinePassed).Because(err.Error())
	default:
		return a.deps.unavailable(registration.CallbackFailed).Because(err.Error())
	}
}

// decide asks the rules, and before them the callback, unless they need no word of it (rule 53). Their answer stands only if
// the store confirms the state that it was decided on, and that the credentials are spent for the first time: by taking the
// change, or, where nothing changes, by having been read for this very request.
func (a *aor) decide(ctx actor.Context, w *work) {
	now := a.deps.now()
	outcome, decided := a.judge(now, w)
	switch {
	case !decided:
		a.ask(ctx, w)
	case w.judged && !w.verdict.OK:
		a.answer(ctx, w, outcome)
	case outcome.Next != nil:
		a.save(ctx, w, now, outcome)
	case w.fresh:
		a.answer(ctx, w, outcome)
	default:
		a.load(ctx, w, now)
	}
}

// save has the store take the change of an outcome, which is the answer once it has.
func (a *aor) save(ctx actor.Context, w *work, now time.Time, outcome registration.Outcome) {
	w.outcome = outcome
	ctx.Request(a.desk.keeper, &messages.SaveWanted{Work: w.number, Change: registration.Change{
		AOR: w.request.AOR, Next: *outcome.Next, Now: now, Deadline: w.request.Deadline,
		MaxUsers: a.realm().Policy.MaxUsers, Use: w.request.Use,
	}})
}

// judge is the rules' answer, or false while they need the callback's.
func (a *aor) judge(now time.Time, w *work) (registration.Outcome, bool) {
	if !w.judged {
		return registration.Absorb(now, a.state, w.request, a.realm().Policy)
	}
	return registration.Decide(now, a.state, w.request, w.verdict, a.realm().Policy), true
}

func (a *aor) loaded(ctx actor.Context, w *work, m *messages.BindingsLoaded) {
	if w.reading {
		a.read(ctx, w, m)
		return
	}
	if m.Err != nil {
		a.failed(ctx, w, m.State, m.Err)
		return
	}
	w.fresh, w.confirmed = w.spending, w.spending
	a.deps.recollection.keep(a.desk.aor, m.State)
	a.redecide(ctx, w, m.State)
}

// read takes what was read while the callback is asked. Without it the store says what there is when it refuses the change.
func (a *aor) read(ctx actor.Context, w *work, m *messages.BindingsLoaded) {
	w.reading = false
	if m.Err == nil {
		a.state = m.State
		a.deps.recollection.keep(a.desk.aor, m.State)
	}
	if w.judged {
		a.decide(ctx, w)
	}
}

func (a *aor) saved(ctx actor.Context, w *work, m *messages.BindingsSaved) {
	switch {
	case errors.Is(m.Err, registration.ErrFull):
		a.answer(ctx, w, registration.Full(spread(a.deps.limits.RetryAfter)))
	case m.Err != nil:
		a.failed(ctx, w, m.State, m.Err)
	case m.Conflict:
		a.redecide(ctx, w, m.State)
	default:
		a.state, w.confirmed = m.State, true
		a.deps.recollection.keep(a.desk.aor, m.State)
		a.answer(ctx, w, w.outcome)
	}
}

// redecide decides anew on what the store holds, a bounded number of times.
func (a *aor) redecide(ctx actor.Context, w *work, state registration.State) {
	a.state = state
	if w.decisions++; w.decisions >= maxDecisions {
		a.answer(ctx, w, a.deps.unavailable("the stored bindings change too fast"))
		return
	}
	a.decide(ctx, w)
}

// answer ends the request in hand and begins the next. An actor that let nobody in has nothing to remember: a flood of
// wrong passwords leaves no actors behind.
func (a *aor) answer(ctx actor.Context, w *work, outcome registration.Outcome) {
	if outcome.Status < 300 && !w.confirmed && outcome.Basis != registration.Unstored {
		a.deps.meter.Violated(unconfirmedSuccess)
		outcome = a.deps.unavailable(registration.StoreFailed).Because(unconfirmedSuccess)
	}
	a.desk.clear()
	if a.state.Version == 0 && a.desk.empty() {
		ctx.Send(ctx.Parent(), &messages.PassivationWished{AOR: a.desk.aor})
	}
	ctx.Send(w.from, &messages.RegisterAnswered{Transaction: w.request.Transaction, Outcome: outcome})
	a.next(ctx)
}
