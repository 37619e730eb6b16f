package podman

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/target"
)

func FuzzList(f *testing.F) {
	f.Add([]byte(`[{"Id":"` + id("a") + `","Names":["web"],"Image":"x","Labels":{"a":"b"},"State":"running","Pid":7,"PodName":"p","IsInfra":true}]` + "\n"))
	f.Add([]byte(`[]`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[{},{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readList(data)
		if err != nil {
			return
		}
		for _, s := range list {
			info, err := s.info()
			if err == nil && (strings.ContainsAny(info.ID+info.Name+string(info.State), "/\x1b\n") || info.PID != 0 && !info.State.Live()) {
				t.Errorf("%+v", info)
			}
			_ = (&target.Filter{Labels: []string{"a", "a=b"}}).Labelled(info.Labels)
		}
		_ = called([]listed{}, "web")
	})
}

func FuzzDetails(f *testing.F) {
	f.Add([]byte(`{"Id":"` + id("a") + `","Name":"web","ImageName":"x","IsInfra":false,"State":{"Status":"running","Pid":7,"StartedAt":"2024-01-02T03:04:05.678901234+01:00",` +
		`"CgroupPath":"/libpod_parent/libpod-` + id("a") + `"},"Config":{"Env":["A=1"],"Labels":{"a":"b"},"User":"0","WorkingDir":"/"},` +
		`"GraphDriver":{"Name":"overlay","Data":{"LowerDir":"/l:/m","MergedDir":"/x","UpperDir":"/u"}},` +
		`"NetworkSettings":{"IPAddress":"10.0.0.2","Networks":{"podman":{"IPAddress":"10.0.0.2","GlobalIPv6Address":"::ffff:1.2.3.4"}}}}`))
	f.Add([]byte(`{"State":null,"GraphDriver":null,"NetworkSettings":{"Networks":{"a":null}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := readDetails(data)
		if err != nil {
			return
		}
		info, err := d.info()
		if err != nil {
			return
		}
		for _, dir := range append(info.Layers.Lower, info.Layers.Upper, info.Layers.Merged) {
			if strings.Contains(dir, "..") && strings.Contains("/"+dir+"/", "/../") {
				t.Errorf("%+v", info.Layers)
			}
		}
		if info.Cgroup != "" && !strings.Contains(info.Cgroup, info.ID) {
			t.Errorf("%+v", info)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(line("container", "start", id("a"), 1, `"app":"web"`)))
	f.Add([]byte(line("pod", "start", "x", 1, `"app":"web"`)))
	f.Add([]byte(`{"cause":"c","message":"m","response":500}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := readEvent(data); err == nil && e.Type == "container" && strings.ContainsAny(e.Actor.ID, "/.\x1b") {
			t.Errorf("%+v", e)
		}
	})
}

func FuzzStill(f *testing.F) {
	f.Add([]byte(`{"Id":"` + id("a") + `","Name":"web","State":{"Status":"exited","ExitCode":1,"FinishedAt":"2024-01-02T03:04:05Z","OOMKilled":true,"Error":"e"},` +
		`"Config":{"Entrypoint":"/a b","Cmd":["c"],"Hostname":"h"},"BoundingCaps":["CAP_CHOWN"],"Mounts":[{"Destination":"/v"}],` +
		`"HostConfig":{"CapDrop":["ALL"],"SecurityOpt":["no-new-privileges"],"IDMappings":{"UidMap":["0:100000:65536"],"GidMap":["0:1:2"]}},` +
		`"GraphDriver":{"Data":{"LowerDir":"/l","UpperDir":"/u"}}}`))
	f.Add([]byte(`{"Id":"` + id("a") + `","GraphDriver":{"Data":{"UpperDir":"/u/../x"}},"Config":{"Entrypoint":["a","b"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		still, err := readStill(data)
		if err == nil && (strings.ContainsAny(still.ID+still.Name, "/\x1b\n") || len(still.UIDs) > maxMaps) {
			t.Errorf("%+v", still)
		}
		image, err := readImage("x", data)
		if err != nil {
			return
		}
		for _, dir := range image.Dirs {
			if dir == "" || dir[0] != '/' || strings.Contains(dir+"/", "/../") {
				t.Errorf("%q", image.Dirs)
			}
		}
	})
}

func TestReadStill(t *testing.T) {
	still, err := readStill([]byte(`{"Id":"` + id("a") + `","Name":"web","State":{"Status":"exited","ExitCode":137,"FinishedAt":"2024-01-02T03:04:05Z","OOMKilled":true},` +
		`"Config":{"Entrypoint":"/a b","Cmd":["c"]},"BoundingCaps":["CAP_CHOWN"],"HostConfig":{"CapDrop":["CAP_KILL"],"IDMappings":{"UidMap":["0:100000:65536"]}},` +
		`"GraphDriver":{"Data":{"LowerDir":"/l","UpperDir":"/u"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	end := target.End{Status: 137, Time: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), OutOfMemory: true}
	if *still.End != end || !slices.Equal(still.Entrypoint, []string{"/a", "b"}) || !slices.Equal(still.Only, []string{"CAP_CHOWN"}) || !slices.Equal(still.Without, []string{"CAP_KILL"}) ||
		!slices.Equal(still.UIDs, []target.IDMap{{Outside: 100000, Count: 65536}}) {
		t.Errorf("%+v, %+v", still, still.End)
	}
	for _, bad := range []string{"0:1", "a:b:c", "0:-1:2", ":::", "99999999999:0:1"} {
		if maps, err := readMaps([]string{bad}); err == nil {
			t.Errorf("%q is read as %v", bad, maps)
		}
	}
}
