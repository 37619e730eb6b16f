package shell

import "testing"

func TestOwner(t *testing.T) {
	us, err := self()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := ownerOf(us.groupName()); !ok || got != us {
		t.Errorf("%+v, %v; want %+v", got, ok, us)
	}
	for name, o := range map[string]owner{"dlx-12-ABCDEFGH": {}, "dlx-": {}, "docker": {}, "dlx-1-2-3": {}} {
		if _, ok := ownerOf(name); ok {
			t.Errorf("%s is taken for %+v", name, o)
		}
	}
	reused, elsewhere, ended := us, us, us
	reused.start--
	elsewhere.ns, elsewhere.start = us.ns+1, 0
	ended.pid = 1 << 22 // above the highest one (proc(5), pid_max)
	if us.gone(us) || !reused.gone(us) || elsewhere.gone(us) || !ended.gone(us) {
		t.Errorf("itself %v, reused %v, of another namespace %v, ended %v", us.gone(us), reused.gone(us), elsewhere.gone(us), ended.gone(us))
	}
}
