package demo

import (
	"regexp"
	"testing"
)

func TestUsersCanBeTypedIntoAPhone(t *testing.T) {
	name, password := regexp.MustCompile(`^[a-z]+$`), regexp.MustCompile(`^[A-Za-z0-9-]{12,24}$`)
	names, passwords := map[string]bool{}, map[string]bool{}
	for _, u := range Users {
		if !name.MatchString(u.Name) || !password.MatchString(u.Password) {
			t.Errorf("%+v", u)
		}
		names[u.Name], passwords[u.Password] = true, true
		if got, ok := passwordOf(u.Name); !ok || got != u.Password {
			t.Errorf("%s has the password %q", u.Name, got)
		}
	}
	if len(names) != len(Users) || len(passwords) != len(Users) || len(Users) < 3 {
		t.Errorf("%d users share %d names and %d passwords", len(Users), len(names), len(passwords))
	}
	for _, stranger := range []string{"", "Alice", "mallory"} {
		if _, ok := passwordOf(stranger); ok {
			t.Errorf("%q has a password", stranger)
		}
	}
}
