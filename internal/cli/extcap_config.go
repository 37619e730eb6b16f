package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"dlx/capture"
	"dlx/engine"
)

// Numbers of the options, by which values refer to them.
const (
	argTarget = iota
	argInterface
	argDirection
	argSnaplen
	argBuffer
	argNoProcess
	argNoNames
	argOwnTraffic
)

// extcapConfig prints an interface's options, or the values of the one to be looked up anew.
func (a *app) extcapConfig(ctx context.Context, t extcapTarget, reload string) error {
	if reload != "" {
		if strings.TrimLeft(reload, "-") != "interface" {
			return &usageError{fmt.Errorf("--extcap-reload-option %q has no values to look up", reload)}
		}
		return a.interfaceValues(a.interfacesOf(ctx, t, true))
	}
	say := &sentences{a: a}
	const everyInterface = "any takes in every interface, those to come included"
	if t.generic { // there is nothing to look into before the target is known
		say.arg(argTarget, "--target", "Target", "string", "required", "true", "placeholder", "web",
			"tooltip", "Containers by name, ID or pid://N, separated by spaces, or label=KEY[=VALUE]")
		say.arg(argInterface, "--interface", "Interface in the container", "string", "default", capture.Any, "tooltip", everyInterface)
	} else {
		say.arg(argInterface, "--interface", "Interface in the container", "selector", "reload", "true",
			"placeholder", "Look in the container", "tooltip", everyInterface)
	}
	if say.err == nil && !t.generic {
		say.err = a.interfaceValues(a.interfacesOf(ctx, t, false))
	}
	say.arg(argDirection, "--direction", "Direction", "selector", "tooltip", "As seen from the container")
	say.value(argDirection, "inout", "received and sent", true)
	say.value(argDirection, "in", "received", false)
	say.value(argDirection, "out", "sent", false)
	say.arg(argSnaplen, "--snaplen", "Snapshot length", "unsigned", "tooltip", "Bytes kept of a packet",
		"range", fmt.Sprintf("1,%d", capture.DefaultSnapLen), "default", strconv.Itoa(capture.DefaultSnapLen))
	say.arg(argBuffer, "--buffer", "Kernel buffer (KiB)", "unsigned", "tooltip", "For all containers together",
		"range", fmt.Sprintf("%d,%d", minBuffer, maxBuffer), "default", strconv.Itoa(defaultBuffer))
	say.arg(argNoProcess, "--no-process", "Do not look for processes", "boolflag", "default", "false",
		"tooltip", "Leave out which process of the container a packet belongs to")
	say.arg(argNoNames, "--no-names", "Do not name addresses", "boolflag", "default", "false",
		"tooltip", "Leave out which containers addresses belong to")
	say.arg(argOwnTraffic, "--own-traffic", "Capture my SSH connection", "boolflag", "default", "false",
		"tooltip", "It is left out where a container shares the host's network")
	return say.err
}

// sentences prints sentences until one fails.
type sentences struct {
	a   *app
	err error
}

func (s *sentences) arg(number int, call, display, kind string, more ...string) {
	if s.err == nil {
		s.err = s.a.sentence("arg", append([]string{"number", strconv.Itoa(number), "call", call, "display", display, "type", kind}, more...)...)
	}
}

func (s *sentences) value(arg int, value, display string, isDefault bool) {
	if s.err == nil {
		s.err = s.a.sentence("value", "arg", strconv.Itoa(arg), "value", value, "display", display, "default", strconv.FormatBool(isDefault))
	}
}

// interfaceValues prints the interfaces to choose from, without those whose names Wireshark would
// not hand back as they are.
func (a *app) interfaceValues(list []capture.Interface) error {
	say := &sentences{a: a}
	say.value(argInterface, capture.Any, "any", true)
	for _, i := range list {
		if !plain(i.Name) {
			continue
		}
		about := []string{i.Name}
		for _, p := range i.Addresses {
			about = append(about, p.String())
		}
		if !i.Up {
			about = append(about, "down")
		}
		say.value(argInterface, i.Name, strings.Join(about, ", "), false)
	}
	return say.err
}

// interfacesOf looks into a container; nothing is found where that is not possible. sudo is used
// only when a person asks, as Wireshark wants the options of every container when it starts.
func (a *app) interfacesOf(ctx context.Context, t extcapTarget, asked bool) (list []capture.Interface) {
	if len(t.targets) != 1 {
		return nil
	}
	if os.Geteuid() != 0 {
		if asked {
			_ = sudoJSON(ctx, &list, pipeCommand("--list-interfaces", "--output=json", t.targets[0])...)
		}
		return list
	}
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	_ = a.withEngine(func(e engine.Engine) (err error) {
		list, err = e.Interfaces(ctx, t.targets[0])
		return err
	})
	return list
}

// pipeCommand is the dlx command that sudo can allow.
func pipeCommand(args ...string) []string { return append([]string{"capture", "--pipe"}, args...) }
