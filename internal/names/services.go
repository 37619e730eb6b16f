package names

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Services returns what ports are called by /etc/services: a function of a port and an IP protocol,
// which returns "" for one without a name.
func Services() func(port uint16, protocol uint8) string { return servicesIn("/etc") }

func servicesIn(etc string) func(port uint16, protocol uint8) string {
	type service struct {
		port     uint16
		protocol uint8
	}
	protocols := map[string]uint8{"tcp": 6, "udp": 17, "sctp": 132}
	names := map[service]string{}
	f, err := os.Open(filepath.Join(etc, "services"))
	if err == nil {
		defer func() { _ = f.Close() }()
		for lines := bufio.NewScanner(f); lines.Scan(); { // NAME PORT/PROTOCOL ALIAS... (services(5))
			line, _, _ := strings.Cut(lines.Text(), "#")
			fields := strings.Fields(line)
			if len(fields) < 2 {
				continue
			}
			number, protocol, _ := strings.Cut(fields[1], "/")
			port, err := strconv.ParseUint(number, 10, 16)
			if err != nil || protocols[protocol] == 0 {
				continue
			}
			if k := (service{uint16(port), protocols[protocol]}); names[k] == "" {
				names[k] = fields[0]
			}
		}
	}
	return func(port uint16, protocol uint8) string { return names[service{port, protocol}] }
}
