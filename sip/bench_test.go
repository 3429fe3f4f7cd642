package sip_test

import (
	"testing"

	"sbc-registrar/sip"
)

func BenchmarkParseRequest(b *testing.B) {
	raw := readTestdata(b, "typical")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sip.ParseRequest(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkContacts(b *testing.B) {
	request := mustParse(b, readTestdata(b, "typical"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := request.Contacts(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthorizations(b *testing.B) {
	request := mustParse(b, readTestdata(b, "typical"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := request.Authorizations(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkURIEqual(b *testing.B) {
	request := mustParse(b, readTestdata(b, "typical"))
	contacts, err := request.Contacts()
	if err != nil {
		b.Fatal(err)
	}
	first, second := contacts.Addresses[0].URI, contacts.Addresses[0].URI
	second.Params = append(sip.Params{{Name: "ob"}}, first.Params...)
	b.ReportAllocs()
	for b.Loop() {
		if !first.Equal(second) {
			b.Fatal("not equal")
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	response := sip.Response{Status: 200, Headers: []sip.Header{
		{Name: "Contact", Value: "<sip:daveh@192.0.2.7:5060;transport=udp>;expires=600"},
		{Name: "Date", Value: "Mon, 23 Nov 2026 13:37:00 GMT"},
	}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := response.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}
