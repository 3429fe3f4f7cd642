package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"sbc-registrar/registration"
)

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
