package load

import (
	"bytes"
	"testing"

	. "github.com/onsi/gomega"

	"sbc-registrar/drachtio"
)

func TestFramesAreCutOneByOne(t *testing.T) {
	g := NewWithT(t)
	data := []byte("4#a|b|11#c|route|foo3#x")
	message, size, err := cutFrame(data)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(message)).To(Equal("a|b|"))
	message, next, err := cutFrame(data[size:])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(message)).To(Equal("c|route|foo"))
	_, last, err := cutFrame(data[size+next:])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(last).To(BeZero(), "the last frame is not complete")
}

func TestCommandsAreTakenApart(t *testing.T) {
	g := NewWithT(t)
	c, ok := readCommand([]byte("id|sip|txn|\r\nSIP/2.0 200 OK\r\n\r\n"))
	g.Expect(ok).To(BeTrue())
	g.Expect([]string{string(c.id), string(c.kind), string(c.fields), string(c.text)}).To(
		Equal([]string{"id", "sip", "txn|", "SIP/2.0 200 OK\r\n\r\n"}))
	for _, text := range []string{"", "id", "id|", "|sip|x"} {
		_, ok := readCommand([]byte(text))
		g.Expect(ok).To(BeFalse(), text)
	}
}

// What a FrameReader reads, cutFrame cuts, and what the one refuses the other refuses.
func FuzzCutFrame(f *testing.F) {
	for _, seed := range []string{"4#a|b|", "0#", "00#", "5#a", "#", "x", "65537#", "99999#", "3#abc3#def", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		reader := drachtio.NewFrameReader(bytes.NewReader(data))
		for {
			want, failed := reader.ReadFrame()
			got, size, err := cutFrame(data)
			if failed != nil {
				if size != 0 {
					t.Fatalf("cut %q where the reader said %v", got, failed)
				}
				return
			}
			if err != nil || size == 0 || !bytes.Equal(want, got) {
				t.Fatalf("cut %q, %d bytes, %v; want %q", got, size, err, want)
			}
			_, _ = readCommand(got)
			data = data[size:]
		}
	})
}

func FuzzTicket(f *testing.F) {
	f.Add(uint32(1), uint32(2), uint32(3))
	f.Add(uint32(0xFFFFFFFF), uint32(0xFFFFF), uint32(0xFFFFFFFF))
	f.Fuzz(func(t *testing.T, place, generation, run uint32) {
		want := ticket{place, generation, run}
		id := want.append(nil)
		if got, ok := readTicket(id); !ok || got != want || len(id) != idBytes {
			t.Errorf("%q is read as %v, %v", id, got, ok)
		}
	})
}

func FuzzReadTicket(f *testing.F) {
	f.Add([]byte("00000001-0000-4000-8200-000000000003"))
	f.Fuzz(func(t *testing.T, id []byte) {
		if got, ok := readTicket(id); ok && !bytes.Equal(got.append(nil), id) {
			t.Errorf("%q is read as %v", id, got)
		}
	})
}
