package shell

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	somePasswd = "root:x:0:0:root:/root:/bin/sh\n" +
		"app:x:1000:1000::/home/app:/bin/sh\n" +
		"big:x:4294967294:4294967294::/:\n" +
		"none:x:4294967295:1::/:\n" +
		"over:x:4294967296:1::/:\n" +
		"far:x:18446744073709551616:1::/:\n" +
		"word:x:zero:1::/:\n" +
		"empty:x::1::/:\n" +
		"minus:x:-1:1::/:\n" +
		"group:x:5:4294967296::/:\n" +
		"member:x:6:6::/:\n" +
		"short\n"
	someGroup = "root:x:0:\nstaff:x:50:app\nover:x:4294967296:member\nword:x:zero:\n"
)

// TestFindUser: what is no ID is an error. It is never the 0 that it is in 32 bits or unparsed.
func TestFindUser(t *testing.T) {
	for spec, want := range map[string]User{
		"0":          {Home: "/root"},
		"app":        {UID: 1000, GID: 1000, Groups: []uint32{50}, Home: "/home/app"},
		"1000":       {UID: 1000, GID: 1000, Groups: []uint32{50}, Home: "/home/app"},
		"app:staff":  {UID: 1000, GID: 50, Home: "/home/app"},
		"app:0":      {UID: 1000, Home: "/home/app"},
		"7:8":        {UID: 7, GID: 8, Home: "/"},
		"2147483647": {UID: math.MaxInt32, Home: "/"},
		"big":        {UID: 4294967294, GID: 4294967294, Home: "/"},
		"word:5":     {},
	} {
		got, err := findUser(spec, []byte(somePasswd), []byte(someGroup))
		if spec == "word:5" {
			if !errors.Is(err, errID) {
				t.Errorf("%s: %+v, %v", spec, got, err)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", spec, err, diff)
		}
	}
	for _, spec := range []string{
		"none", "over", "far", "word", "empty", "minus", "group", "member", "short", "app:over", "app:word", // of the files
		"4294967295", "4294967296", "4294967296:0", "18446744073709551616", "-1", "0:4294967296", "0:4294967295", "0:-1", // of the command line
	} {
		if got, err := findUser(spec, []byte(somePasswd), []byte(someGroup)); err == nil {
			t.Errorf("%s: %+v", spec, got)
		}
	}
}

// TestPasswd: whatever the file says, who is in it has that home and that shell.
func TestPasswd(t *testing.T) {
	a := Accounts{passwd: []byte("root:x:0:0:root:/root:/bin/sh\nshort:x:1\n\n+::::::\napp:x:1000:1000::/home/app:\nlong:x:1:1:::::\n:x:2:2::/:\n#\nlast:x:3:3::/:/x")}
	want := "root:x:0:0:root:/dev/.home:/dev/sh\n+:::::/dev/.home:/dev/sh\napp:x:1000:1000::/dev/.home:/dev/sh\nlast:x:3:3::/dev/.home:/dev/sh\n"
	if diff := cmp.Diff(want, string(a.Passwd("/dev/.home", "/dev/sh"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzFindUser: whoever is found by name has the number that is written there; 0 is written with
// zeros.
func FuzzFindUser(f *testing.F) {
	for line := range strings.Lines(somePasswd) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		f.Add(name, somePasswd, someGroup)
	}
	f.Add("app:staff", somePasswd, someGroup)
	f.Fuzz(func(t *testing.T, spec, passwd, group string) {
		u, err := findUser(spec, []byte(passwd), []byte(group))
		if err != nil {
			return
		}
		if u.UID > maxID || u.GID > maxID {
			t.Errorf("%+v", u)
		}
		name, _, _ := strings.Cut(spec, ":")
		if _, err := fmt.Sscanf(name, "%d", new(int)); err == nil || name == "" {
			return
		}
		for line := range strings.Lines(passwd) {
			parts := strings.Split(strings.TrimSpace(line), ":")
			if parts[0] == name && len(parts) > 2 && strings.TrimLeft(parts[2], "0") == strings.TrimLeft(fmt.Sprint(u.UID), "0") && parts[2] != "" {
				return
			}
		}
		t.Errorf("%q is %d, and no line says so", name, u.UID)
	})
}
