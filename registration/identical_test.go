package registration

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sbc-registrar/sip"
)

// fullBinding has something in every list, for its elements to be changed.
func fullBinding() *Binding {
	address := func() sip.Address {
		return sip.Address{URI: sip.URI{Params: sip.Params{{Name: "ob"}}}, Params: sip.Params{{Name: "q"}}}
	}
	return &Binding{Contact: address(), Path: []sip.Address{address()}}
}

// eachChange changes one thing after the other in what it is pointed to, and calls changed with its name.
func eachChange(t *testing.T, name string, v reflect.Value, changed func(string)) {
	try := func(change func()) {
		before := reflect.ValueOf(v.Interface())
		change()
		changed(name)
		v.Set(before)
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		try(func() { *x = x.Add(1) })
		return
	case *netip.AddrPort:
		try(func() { *x = netip.MustParseAddrPort("192.0.2.1:5060") })
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachChange(t, name+"."+v.Type().Field(i).Name, v.Field(i), changed)
		}
	case reflect.Slice:
		if v.Len() == 0 {
			t.Fatalf("fullBinding has nothing in %s", name)
		}
		eachChange(t, name+"[0]", v.Index(0), changed)
		try(func() { v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem()))) })
	case reflect.String:
		try(func() { v.SetString(v.String() + "x") })
	case reflect.Bool:
		try(func() { v.SetBool(!v.Bool()) })
	case reflect.Int, reflect.Int64:
		try(func() { v.SetInt(v.Int() + 1) })
	case reflect.Uint32:
		try(func() { v.SetUint(v.Uint() + 1) })
	default:
		t.Fatalf("no idea how to change %s, a %s", name, v.Type())
	}
}

// An absorbed refresh changes nothing that the callback has not seen: also not in a field that is added one day.
func TestNoFieldOfABindingIsForgottenWhereTwoAreCompared(t *testing.T) { // rule 53
	a, b := fullBinding(), fullBinding()
	count := 0
	eachChange(t, "Binding", reflect.ValueOf(b).Elem(), func(name string) {
		count++
		if a.identical(b) || b.identical(a) {
			t.Errorf("bindings that differ in %s are taken for identical", name)
		}
	})
	if !a.identical(b) {
		t.Error("bindings that do not differ are not identical")
	}
	if count < 40 {
		t.Errorf("only %d changes were tried", count)
	}
}

func TestIdenticalBindingsAreDeeplyEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := someBinding(t), someBinding(t)
		if a.identical(b) != reflect.DeepEqual(a, b) {
			t.Fatalf("identical: %t\n%+v\n%+v", a.identical(b), a, b)
		}
	})
}

// someBinding is one of few, so that two are often the same.
func someBinding(t *rapid.T) *Binding {
	b := fullBinding()
	if rapid.Bool().Draw(t, "as it is") {
		return b
	}
	one := func(name string) bool { return rapid.IntRange(0, 5).Draw(t, name) == 0 }
	if one("params") {
		b.Contact.Params[0].HasValue = true
	}
	if one("URI") {
		b.Contact.URI.Params = nil
	}
	if one("path") {
		b.Path = append(b.Path, b.Contact)
	}
	if one("no path") {
		b.Path = nil
	}
	if one("time") {
		b.Refreshed = time.Unix(1, 0)
	}
	if one("flow") {
		b.Flow.Protocol = "tcp"
	}
	if one("authorization") {
		b.Authorization.Until = time.Unix(2, 0).UTC()
	}
	return b
}

func TestAStateWithoutAnythingExpiredIsItsOwnView(t *testing.T) {
	now := time.Unix(1000, 0)
	after, before := now.Add(1), now
	state := State{
		Version:  7,
		Bindings: []Binding{{CallID: "a", Expires: after}, {CallID: "b", Expires: after}, {CallID: "c", Expires: after}},
		Removed:  []Tombstone{{CallID: "d", Until: after}},
	}
	if view := state.At(now); view.Version != 7 || &view.Bindings[0] != &state.Bindings[0] || &view.Removed[0] != &state.Removed[0] {
		t.Error("the view is a copy")
	}
	state.Bindings[0].Expires, state.Bindings[2].Expires, state.Removed[0].Until = before, before, before
	view := state.At(now)
	if len(view.Bindings) != 1 || view.Bindings[0].CallID != "b" || len(view.Removed) != 0 {
		t.Errorf("what lives is %+v", view)
	}
	if len(state.Bindings) != 3 || state.Bindings[0].CallID != "a" || state.Bindings[1].CallID != "b" || state.Bindings[2].CallID != "c" || len(state.Removed) != 1 {
		t.Errorf("the state has become %+v", state)
	}
}
