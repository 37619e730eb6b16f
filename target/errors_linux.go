package target

import (
	"errors"
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

func denied(pid int, err error) error {
	return fault.New(fault.NoPrivileges, "", "no permission to look into process %d: %w", pid, err)
}

func silent(r Runtime) error {
	if r.Owner() != 0 {
		return fault.New(fault.RuntimeSilent, r.Scheme(), "the %s of user %d does not answer", r.Scheme(), r.Owner())
	}
	return fault.New(fault.RuntimeSilent, r.Scheme(), "%s does not answer", r.Scheme())
}

// nobody is the error of several runtimes that are not there, or not for this user.
func nobody(absent []error) error {
	if i := slices.IndexFunc(absent, func(err error) bool { return errors.Is(err, fault.SocketDenied) }); i >= 0 {
		return absent[i]
	}
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
		names[i] = fmt.Sprintf("%s%s (%s)", strings.TrimSuffix(h.Ref().String(), h.BareID()), h.ShortID(), h.Name)
	}
	e := fault.New(fault.Ambiguous, ref.Name, "%q fits %d containers: %s", ref.Name, len(hits), strings.Join(names, ", "))
	return e.With(names...)
}
