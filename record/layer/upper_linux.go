package layer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxMounts bounds what is read of the host's mount table, in bytes.
const maxMounts = 64 << 20

// ErrNoLayer reports a container whose writable layer nobody tells.
var ErrNoLayer = errors.New("its runtime does not tell where its writable layer is")

// Upper is the upper directory of the overlay that is mounted at a directory of the host's, where
// the runtime tells no more: by the host's own mount table (proc_pid_mountinfo(5)).
func Upper(merged string) (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // was only read
	table, err := io.ReadAll(io.LimitReader(f, maxMounts))
	if err != nil {
		return "", fmt.Errorf("read the mount table: %w", err)
	}
	if upper := upperOf(string(table), merged); upper != "" {
		return upper, nil
	}
	return "", ErrNoLayer
}

// upperOf finds it in a mount table; the last mount at a place is the one that is seen.
func upperOf(table, merged string) (upper string) {
	for line := range strings.Lines(table) {
		place, super, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		fields, supers := strings.Fields(place), strings.Fields(super)
		if !ok || len(fields) < 5 || len(supers) < 3 || unescape(fields[4]) != merged {
			continue
		}
		upper = ""
		if supers[0] != "overlay" {
			continue
		}
		for option := range strings.SplitSeq(supers[2], ",") {
			if dir, ok := strings.CutPrefix(option, "upperdir="); ok && strings.HasPrefix(dir, "/") && !strings.Contains(dir, `\\`) {
				upper = unescape(dir)
			}
		}
	}
	return upper
}

// unescape replaces what the table has for spaces, tabs, line feeds and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#").Replace(s)
}
