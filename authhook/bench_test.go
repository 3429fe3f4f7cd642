package authhook

import (
	"testing"
	"time"
)

func BenchmarkAuthorize(b *testing.B) {
	for _, body := range []Body{Seed, Jambonz} {
		b.Run(string(body), func(b *testing.B) {
			client := start(b, Options{Body: body, SignatureSecret: "s3cret", Username: "foo", Password: "bar"}, says(granting))
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				r := question()
				for pb.Next() {
					if verdict, err := client.Authorize(b.Context(), r, time.Hour); err != nil || !verdict.OK {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkParseAnswer(b *testing.B) {
	body := []byte(`{"status":"ok","expires":3600,"call_hook":"https://example.com/call","allow_direct_app_calling":true}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseAnswer(body); err != nil {
			b.Fatal(err)
		}
	}
}
