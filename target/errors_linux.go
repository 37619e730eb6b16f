package target

import (
	"fmt"
	"slices"
	"strings"

	"dlx/fault"
)

func noScheme(text, scheme string) error {
	return fault.New(fault.BadTarget, text, "bad target %q: no such scheme %q", text, scheme)
}

func noProcess(number string) error {
	return fault.New(fault.NoProcess, number, "no process %s", number)
}

func silent(r Runtime) error {
	return fault.New(fault.RuntimeSilent, r.Scheme(), "%s does not answer", r.Scheme())
}

// nobody is the error of several runtimes that are not there.
func nobody(absent []error) error {
	if len(absent) == 1 {
		return absent[0]
	}
	sockets := make([]string, len(absent))
	for i, err := range absent {
		sockets[i] = fault.Of(err).Target
	}
	slices.Sort(sockets)
	e := fault.New(fault.NoRuntime, sockets[0], "no container runtime answers at %s", strings.Join(sockets, ", "))
	return e.With(sockets...)
}

func notRunning(c *Info) error {
	return fault.New(fault.NotRunning, c.Name, "container %q is not running (%s)", c.Name, c.State)
}

// changed reports a container that was restarted, or its PID reused, while dlx took hold of it.
func changed(c *Info, format string, args ...any) error {
	return fault.New(fault.Changed, c.Name, "container %q changed while dlx looked at it: %s", c.Name, fmt.Sprintf(format, args...))
}

func ambiguous(ref Ref, hits []Info) error {
	names := make([]string, len(hits))
	for i, h := range hits {
		namespace := strings.TrimSuffix(h.ID, h.BareID())
		names[i] = fmt.Sprintf("%s://%s%s (%s)", h.Runtime, namespace, h.ShortID(), h.Name)
	}
	e := fault.New(fault.Ambiguous, ref.Name, "%q fits %d containers: %s", ref.Name, len(hits), strings.Join(names, ", "))
	return e.With(names...)
}
