// Package initproto is what dlx and dlx-init, the session's first process, say to each other. dlx
// starts dlx-init with arguments. dlx-init writes records to descriptor 3: Started and then Exited,
// or one that says why not.
package initproto

import (
	"encoding/binary"
	"fmt"
	"io"
)

// StatusFD is the descriptor that dlx-init writes its Record to.
const StatusFD = 3

// Kind says what a Record's value is.
type Kind uint32

// The kinds of record.
const (
	Started  Kind = iota + 1 // the command runs, and signals are passed on to it
	Exited                   // value: the command's wait status (wait(2))
	NotFound                 // value: errno; the command is not there
	NotRun                   // value: errno; the command is there and can not be executed
	NoDir                    // value: errno; the working directory can not be entered
)

// Record tells what became of the command.
type Record struct {
	Kind  Kind
	Value uint32
}

const recordSize = 8

// Write writes the record in one piece.
func (r Record) Write(w io.Writer) error {
	b := binary.LittleEndian.AppendUint32(nil, uint32(r.Kind))
	_, err := w.Write(binary.LittleEndian.AppendUint32(b, r.Value))
	return err
}

// Read reads a record. The container may be able to write one: anything unknown is an error.
func Read(r io.Reader) (Record, error) {
	var b [recordSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return Record{}, err
	}
	rec := Record{Kind(binary.LittleEndian.Uint32(b[:4])), binary.LittleEndian.Uint32(b[4:])}
	if rec.Kind < Started || rec.Kind > NoDir {
		return Record{}, fmt.Errorf("record of unknown kind %d", rec.Kind)
	}
	return rec, nil
}

// Args are dlx-init's arguments: name, "tty" or "pipe", working directory, and the command's.
func Args(tty bool, dir string, command []string) []string {
	mode := "pipe"
	if tty {
		mode = "tty"
	}
	return append([]string{"dlx-init", mode, dir}, command...)
}

// ParseArgs undoes Args.
func ParseArgs(args []string) (tty bool, dir string, command []string, ok bool) {
	if len(args) < 4 {
		return false, "", nil, false
	}
	return args[1] == "tty", args[2], args[3:], true
}
