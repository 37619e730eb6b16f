package nsutil

import "dlx/internal/linux"

// Credentials are what a spawned program runs with; IDs are those of the user namespace it is in.
type Credentials struct {
	UID, GID   uint32
	Groups     []uint32
	HostGroups bool         // Groups are the caller's numbers: inside, setgroups(2) is denied
	OwnGroups  bool         // setgroups(2) is denied to the caller too, whose groups stay
	Caps       linux.CapSet // bounding set, and the permitted one for UID 0
	NoNewPrivs bool
}

// Spec says what is started, and where.
type Spec struct {
	Process *Process               // whose namespaces are joined
	Join    Type                   // which of them, but for Mnt; those that are the caller's own are left out
	MountNS *linux.FD              // the mount namespace to join
	Root    *linux.FD              // root and working directory, inside MountNS
	Tasks   []*linux.FD            // tasks files of version 1 cgroups, open for writing
	Cgroup  *linux.FD              // directory of a version 2 cgroup; may be nil
	Creds   Credentials            //
	Limits  []linux.Limit          // resource limits
	Own     []OwnFile              // what is written to files of the child's own in the host's /proc
	Filters []linux.SeccompProgram // of system calls, the oldest first; they take Creds.NoNewPrivs
	Program *linux.FD              // a static program that nobody can write to
	Args    []string               // argv, the program's name first
	Env     []string               // its whole environment
	Stdio   [3]*linux.FD           // descriptors 0 to 2
	Status  *linux.FD              // descriptor 3; may be nil
}

// OwnFile is a file below /proc/PID that a process sets something of its own by, such as attr/exec.
type OwnFile struct{ Name, Data string }

// Child is a process that was started by a Plan. Its owner waits for it.
type Child struct {
	PID   int
	Pidfd *linux.FD
}

// Plan lays out how a program is started inside the namespaces of s.Process. Each step needs what
// the next gives up, so the order matters: cgroup; mount namespace and root; the other namespaces,
// the user namespace first; no_new_privs, capabilities and IDs; descriptors. Only then is the
// process cloned that the pid namespace sees.
//
// That process has the memory of the one that runs the plan until it executes the program.
func (s *Spec) Plan() (*linux.Plan, error) {
	join, err := s.Process.Differing()
	if err != nil {
		return nil, err
	}
	join &= s.Join &^ Mnt
	plan := linux.NewPlan()
	plan.NotDumpable()
	if s.Cgroup != nil {
		plan.InCgroup(s.Cgroup)
	}
	for _, tasks := range s.Tasks {
		plan.JoinCgroup(tasks)
	}
	if len(s.Own) > 0 {
		proc, err := procDir(".")
		if err != nil {
			return nil, err
		}
		plan.Own(proc)
		for _, f := range s.Own {
			plan.WriteOwn(proc, f.Name, f.Data)
		}
	}
	plan.Setns("mnt", s.MountNS, linux.NewMnt)
	plan.Chroot(s.Root)
	if s.Creds.HostGroups && !s.Creds.OwnGroups {
		plan.Groups(s.Creds.Groups)
	}
	if join != 0 {
		plan.Setns(join.String(), s.Process.pidfd, join.flags())
	}
	plan.Chdir("/")
	plan.NewKeyring()
	if s.Creds.NoNewPrivs {
		plan.NoNewPrivs()
	}
	plan.Umask(0o022)
	for _, l := range s.Limits {
		plan.Limit(l)
	}
	if !s.Creds.HostGroups {
		plan.Groups(s.Creds.Groups)
	}
	plan.Credentials(s.Creds.UID, s.Creds.GID, s.Creds.Caps)
	plan.NotDumpable() // changing IDs may have set it again
	plan.Files(s.Stdio[0], s.Stdio[1], s.Stdio[2], s.Status, s.Program)
	plan.Clone()
	plan.NewSession()
	plan.ClearSignals()
	for _, f := range s.Filters {
		plan.Filter(f)
	}
	plan.Exec(s.Args, s.Env)
	return plan, nil
}
