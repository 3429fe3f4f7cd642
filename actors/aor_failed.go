package actors

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/overload"
	"sbc-registrar/registration"
)

// replayed is the cause of a challenge for credentials that somebody has used before.
const replayed registration.Cause = "nonce was used before"

// failed ends a request that the store has not carried out, or not now: another node may have done so before.
func (a *aor) failed(ctx actor.Context, w *work, state registration.State, err error) {
	switch {
	case errors.Is(err, registration.ErrMade):
		a.state, w.confirmed = state, true
		a.answer(ctx, w, registration.Made(a.deps.now(), state, w.request, a.realm().Policy))
	case errors.Is(err, registration.ErrTaken): // the envoy that asked both of us finds out what comes of it
		a.state = registration.State{}
		a.answer(ctx, w, a.deps.unavailable(registration.StoreFailed).Because(err.Error()))
	default:
		a.forget(ctx, w, err)
	}
}

// forget answers a request whose store operation failed (rule 26); what the store holds is unknown from here on. A replay is
// a client that needs a new nonce, or a thief (rule 37).
func (a *aor) forget(ctx actor.Context, w *work, err error) {
	switch {
	case errors.Is(err, registration.ErrReplay):
		a.answer(ctx, w, a.realm().challenge(w.request, a.deps.now(), replayed, true))
		return
	case errors.Is(err, errShed):
		a.answer(ctx, w, a.deps.entrance.shed(a.deps.now(), w.class, Storing, overload.Busy))
		return
	case errors.Is(err, errExpired):
		a.answer(ctx, w, a.deps.unavailable(registration.DeadlinePassed).Because(err.Error()))
		return
	}
	a.state = registration.State{}
	if !a.outlast(ctx, w, err) {
		a.answer(ctx, w, a.deps.unavailable(registration.StoreFailed).Because(err.Error()))
	}
}

// outlast goes on with a refresh from memory, where the operator wants that: false when it is to be refused. If the callback
// has to be asked first, the store gets another chance after it.
func (a *aor) outlast(ctx actor.Context, w *work, err error) bool {
	remembered, known := a.deps.recollection.recall(a.desk.aor)
	if !known {
		return false
	}
	now, policy := a.deps.now(), a.realm().Policy
	verdict := w.verdict
	if !w.judged {
		var lasts bool
		if verdict, lasts = registration.Word(now, remembered, w.request, policy); !lasts {
			a.ask(ctx, w)
			return true
		}
	}
	outcome, ok := registration.Outlast(now, remembered, w.request, verdict, policy, a.deps.limits.OutageGrant)
	if ok {
		a.answer(ctx, w, outcome.Because(outcome.Detail+": "+err.Error()))
	}
	return ok
}
