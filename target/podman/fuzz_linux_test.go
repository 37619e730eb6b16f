package podman

import (
	"strings"
	"testing"

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
