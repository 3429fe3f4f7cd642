package authhook_test

import (
	"slices"
	"testing"

	"sbc-registrar/authhook"
)

func TestAnErrorTellsItsKindAndWhoIsToBlame(t *testing.T) {
	for kind, charged := range map[authhook.Kind]bool{
		authhook.KindTimeout: true, authhook.KindTransport: true, authhook.KindStatus: true, authhook.KindBody: true,
		authhook.KindCanceled: false, authhook.KindRequest: false,
	} {
		err := &authhook.Error{Kind: kind}
		if err.Label() != string(kind) || err.Charged() != charged || !slices.Contains(authhook.Kinds(), kind) {
			t.Errorf("%s: label %s, charged %t, kinds %v", kind, err.Label(), err.Charged(), authhook.Kinds())
		}
	}
}
