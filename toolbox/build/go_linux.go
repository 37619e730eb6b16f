package build

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"dlx/toolbox"
)

// goPrograms builds Go programs without cgo, which are static. Their modules are those that the go
// command has compared with the checksum database.
func (m *maker) goPrograms(ctx context.Context) error {
	for i, ref := range m.Go {
		m.progress(i, len(m.Go), "build %s", ref)
		if !strings.Contains(ref, "@") {
			return fmt.Errorf("%s names no version: MODULE@VERSION", ref)
		}
		bin := filepath.Join(m.work, "go", fmt.Sprint(i))
		if err := os.MkdirAll(bin, 0o755); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags", "-s -w -buildid=", "--", ref)
		cmd.Env = append(os.Environ(), "GOBIN="+bin, "CGO_ENABLED=0", "GOFLAGS=", "GOOS=", "GOARCH=")
		cmd.Dir = m.work
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", ref, err, lastLine(out))
		}
		if err := m.goBuilt(bin, ref); err != nil {
			return err
		}
	}
	return nil
}

// goBuilt takes in what was built.
func (m *maker) goBuilt(bin, ref string) error {
	names, err := os.ReadDir(bin)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("build " + ref + ": it is no program")
	}
	for _, n := range names {
		file := filepath.Join(bin, n.Name())
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return fmt.Errorf("build %s: %w", ref, err)
		}
		if !m.claim("bin/"+n.Name(), ref) {
			continue
		}
		if err := addForeign(&m.Builder, toolbox.File{Path: "bin/" + n.Name(), Mode: 0o755}, data, module(&info.Main, info.GoVersion)); err != nil {
			return err
		}
		for _, s := range Modules(info) {
			m.Part(s)
		}
	}
	return nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
