package toolbox_test

import (
	"testing"

	"dlx/toolbox"
)

// TestURLs compares with examples of the specification (purl-spec, types deb and golang).
func TestURLs(t *testing.T) {
	for got, want := range map[string]string{
		toolbox.DebURL("attr", "1:2.4.47-2", "source"):                    "pkg:deb/debian/attr@1:2.4.47-2?arch=source",
		toolbox.DebURL("attr", "1:2.4.47-2+b1", "amd64"):                  "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64",
		toolbox.DebURL("dpkg", "1.19.0.4~rc1", ""):                        "pkg:deb/debian/dpkg@1.19.0.4~rc1",
		toolbox.GoURL("github.com/CycloneDX/cyclonedx-go", "v0.12.0"):     "pkg:golang/github.com/cyclonedx/cyclonedx-go@v0.12.0",
		toolbox.GoURL("github.com/docker/docker", "v28.0.0+incompatible"): "pkg:golang/github.com/docker/docker@v28.0.0%2Bincompatible",
		toolbox.GoURL("mvdan.cc/sh/v3", "v3.14.1"):                        "pkg:golang/mvdan.cc/sh/v3@v3.14.1",
	} {
		if got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
