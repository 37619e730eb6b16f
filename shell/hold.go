package shell

import "time"

// HoldNews is how it goes with a container that is waited for and held.
type HoldNews struct {
	State  HoldState
	Target string        // its name
	End    string        // HoldEnding: "exit status 3", "killed by SIGKILL"; HoldFault: "SIGSEGV"
	PID    int           // HoldStopped: of its first process, as the session has it
	Limit  time.Duration // after which it is let go
}

// HoldState is what has become of it.
type HoldState string

// The states.
const (
	HoldForStart HoldState = "waiting-for-start"
	HoldForEnd   HoldState = "waiting-for-end"
	HoldMissed   HoldState = "missed"  // it ended before it could be held
	HoldEnding   HoldState = "ending"  // held at its end
	HoldFault    HoldState = "fault"   // held at the fault that ends it
	HoldStopped  HoldState = "stopped" // held before its first instruction
	HoldLate     HoldState = "late"    // stopped behind its first instruction
	HoldLetGo    HoldState = "let-go"  // its time is up
)
