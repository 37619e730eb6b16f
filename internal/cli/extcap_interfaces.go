package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"dlx/engine"
	"dlx/target"
)

// The names of dlx's interfaces in Wireshark. The prefix keeps them apart from other programs'.
const (
	genericInterface = "dlx"
	interfacePrefix  = "dlx-"
)

// helpPage is what Wireshark's help button opens: the language of capture filters.
const helpPage = "https://www.tcpdump.org/manpages/pcap-filter.7.html"

// Time limits of a list, for Wireshark asks for it while it starts.
const (
	listLimit = 2 * time.Second
	sudoLimit = 3 * time.Second
)

// extcapTarget is what an interface of Wireshark's stands for.
type extcapTarget struct {
	targets, labels []string
	generic         bool
}

// extcapTarget finds it. Only a capture needs a target that was typed in.
func (o *extcapOptions) extcapTarget(capturing bool) (t extcapTarget, err error) {
	name, ok := strings.CutPrefix(o.iface, interfacePrefix)
	switch {
	case o.iface == genericInterface:
		t.generic = true
		if capturing || o.target != "" {
			err = t.typed(o.target)
		}
		return t, err
	case !ok || !selectable(name):
		return t, &noInterfaceError{o.iface}
	case o.target != "":
		return t, &usageError{fmt.Errorf("--target is for --extcap-interface %s", genericInterface)}
	}
	t.targets = []string{name}
	return t, nil
}

// selectable says whether a container's name or ID can be that of an interface.
func selectable(name string) bool {
	_, err := target.ParseRef(name)
	return err == nil && plain(name)
}

// typed takes apart what was typed as a target. What begins with a hyphen would be a flag of the
// dlx that sudo runs.
func (t *extcapTarget) typed(text string) error {
	for word := range strings.FieldsSeq(text) {
		if label, ok := strings.CutPrefix(word, "label="); ok && label != "" {
			t.labels = append(t.labels, label)
			continue
		}
		if _, err := target.ParseRef(word); err != nil {
			return err
		}
		if word[0] == '-' {
			return &usageError{fmt.Errorf("bad target %q", word)}
		}
		t.targets = append(t.targets, word)
	}
	if len(t.targets)+len(t.labels) == 0 {
		return &usageError{errors.New("--target is missing: a container, pid://N, or label=KEY[=VALUE]")}
	}
	return nil
}

// noInterfaceError reports an interface that is none of dlx's.
type noInterfaceError struct{ name string }

func (e *noInterfaceError) Error() string { return fmt.Sprintf("no extcap interface %.64q", e.name) }

// Hint says where they are listed.
func (e *noInterfaceError) Hint() string { return "`dlx extcap --extcap-interfaces` lists them" }

// extcapInterfaces prints an interface for each running container, and one to type a target for,
// which is there even if its runtime can not be asked.
func (a *app) extcapInterfaces(ctx context.Context) error {
	err := a.sentence("extcap", "version", extcapVersion(), "help", helpPage)
	if err != nil {
		return err
	}
	list, failed := a.runningContainers(ctx)
	if errors.Is(failed, errors.ErrUnsupported) {
		return nil
	}
	err = a.sentence("interface", "value", genericInterface, "display", "dlx: container, process or label")
	for _, c := range list {
		name := c.Name
		if !selectable(name) {
			name = c.BareID()
		}
		if selectable(name) {
			err = errors.Join(err, a.sentence("interface", "value", interfacePrefix+name, "display", fmt.Sprintf("container %s (%s)", c.Name, c.Image)))
		}
	}
	if failed != nil {
		a.report(fmt.Errorf("containers are not listed: %w", failed))
	}
	return err
}

// runningContainers asks the engine, or has sudo ask it for a user who may not.
func (a *app) runningContainers(ctx context.Context) ([]target.Info, error) {
	list, err := a.askNames(ctx)
	if err == nil || os.Geteuid() == 0 || errors.Is(err, errors.ErrUnsupported) {
		return list, err
	}
	var containers []engine.Container
	if serr := sudoJSON(ctx, &containers, "ps", "-o", "json"); serr != nil {
		return nil, errors.Join(serr, err)
	}
	for _, c := range containers {
		list = append(list, c.Info)
	}
	return list, nil
}

func (a *app) askNames(ctx context.Context) (list []target.Info, err error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	err = a.withEngine(func(e engine.Engine) (err error) {
		list, err = e.Names(ctx)
		return err
	})
	return list, err
}
