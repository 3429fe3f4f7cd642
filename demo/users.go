package demo

// A User may register in the demo, in any domain.
type User struct {
	Name     string
	Password string
}

// Users are those of the demo. Their passwords are fixed, so that a phone set up yesterday still registers today; do not change them.
var Users = []User{
	{"alice", "tulip-4F9w-kestrel"},
	{"bob", "amber-7Qm2-harbor"},
	{"carol", "maple-8Rz5-lantern"},
	{"dave", "cedar-3Xk6-compass"},
}

// passwordOf finds a user's password.
func passwordOf(name string) (string, bool) {
	for _, u := range Users {
		if u.Name == name {
			return u.Password, true
		}
	}
	return "", false
}
