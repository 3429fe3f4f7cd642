package load

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestUsersByPatternAreKnownByName(t *testing.T) {
	g := NewWithT(t)
	p, err := NewPopulation(Patterns{Users: 30, Name: "u{n}x", Password: "p-{n}", Realms: []string{"a.example", "b.example"}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Len()).To(Equal(30))
	g.Expect(string(p.appendName(nil, 17))).To(Equal("u17x"))
	g.Expect(p.Realm(17)).To(Equal("b.example"))
	g.Expect(string(p.appendPassword(nil, 17))).To(Equal("p-17"))

	for name, password := range map[string]string{"u17x": "p-17", "u0x": "p-0", "u17x@b.example": "p-17"} {
		found, known := p.PasswordOf(name, "b.example")
		g.Expect(known).To(BeTrue(), name)
		g.Expect(found).To(Equal(password), name)
	}
	for _, name := range []string{"", "u30x", "u017x", "u-1x", "u+1x", "ux", "u17", "17x", "u99999999999x"} {
		_, known := p.PasswordOf(name, "b.example")
		g.Expect(known).To(BeFalse(), name)
	}
}

func TestUsersOfAFileAreKnownByNameAndRealm(t *testing.T) {
	g := NewWithT(t)
	p, err := ReadPopulation(strings.NewReader("# user,realm,password\nalice,a.example,tulip\nalice,b.example,\"with, comma\"\n"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.Len()).To(Equal(2))
	g.Expect(p.Realm(1)).To(Equal("b.example"))
	g.Expect(string(p.appendName(nil, 1))).To(Equal("alice"))
	g.Expect(string(p.appendPassword(nil, 1))).To(Equal("with, comma"))
	password, known := p.PasswordOf("alice", "a.example")
	g.Expect(known).To(BeTrue())
	g.Expect(password).To(Equal("tulip"))
	_, known = p.PasswordOf("alice", "c.example")
	g.Expect(known).To(BeFalse())
}

func TestPopulationsThatCannotBeSaySo(t *testing.T) {
	for name, text := range map[string]string{
		"empty":      "",
		"two fields": "alice,a.example\n",
		"no name":    ",a.example,x\n",
		"injection":  "alice,a.example,x\n\"b\r\nVia: x\",a.example,secret\n",
		"no domain":  "alice,,x\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadPopulation(strings.NewReader(text))
			NewWithT(t).Expect(err).To(HaveOccurred())
			NewWithT(t).Expect(err.Error()).NotTo(ContainSubstring("secret"))
		})
	}
	for name, p := range map[string]Patterns{
		"nobody":          {},
		"no number":       {Users: 1, Name: "alice"},
		"name with space": {Users: 1, Name: "a {n}"},
		"realm with port": {Users: 1, Realms: []string{"a.example:5060"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewPopulation(p)
			NewWithT(t).Expect(err).To(HaveOccurred())
		})
	}
}

func FuzzReadPopulation(f *testing.F) {
	f.Add("alice,a.example,tulip\n")
	f.Add("\"a\",\"b\",\"c\"\n#x\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ReadPopulation(strings.NewReader(text))
		if err != nil {
			return
		}
		for user := range p.Len() {
			if name := string(p.appendName(nil, user)); strings.ContainsAny(name+p.Realm(user), "\r\n@|<>") {
				t.Errorf("user %q of %q", name, p.Realm(user))
			}
		}
	})
}
