package linux

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Status is the text of a process's status file (proc_pid_status(5)).
type Status string

// ReadStatus reads that of the process which has the number just now. One that is gone is
// os.ErrNotExist or ErrNoProcess.
func ReadStatus(pid int) (Status, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	return Status(data), err
}

// Field is the value of a field, such as "CapBnd".
func (s Status) Field(name string) (string, error) {
	for line := range strings.Lines(string(s)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("the process's status has no %s", name)
}

// Number is the value of a field that is a number.
func (s Status) Number(name string, base int) (uint64, error) {
	value, err := s.Field(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(value, base, 64)
}

// BoundingSet is the process's bounding set: the most that it, or what it starts, can come to hold.
func (s Status) BoundingSet() (CapSet, error) {
	set, err := s.Number("CapBnd", 16)
	return CapSet(set), err
}

// InnermostPID is the process's number in its own PID namespace, which is depth namespaces below
// the reader's (proc_pid_status(5), "NSpid").
func (s Status) InnermostPID() (pid, depth int, err error) {
	value, err := s.Field("NSpid")
	numbers := strings.Fields(value)
	if err != nil || len(numbers) == 0 {
		return 0, 0, errors.Join(errors.New("the process has no number of its own"), err)
	}
	pid, err = strconv.Atoi(numbers[len(numbers)-1])
	return pid, len(numbers) - 1, err
}

// Groups are the process's supplementary groups, in the numbers of the reader's user namespace.
func (s Status) Groups() ([]uint32, error) {
	value, err := s.Field("Groups")
	if err != nil {
		return nil, err
	}
	var groups []uint32
	for text := range strings.FieldsSeq(value) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("parse the process's groups: %w", err)
		}
		groups = append(groups, uint32(id))
	}
	return groups, nil
}
