package ran

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// code is a program in the making. Registers 6 to 9 outlive calls, 1 to 5 do not
// (the kernel's bpf/standardization/instruction-set.rst).
type code struct {
	l      *layout
	m      *maps
	ins    asm.Instructions
	label  string // of the next instruction
	labels int
}

// Places on the stack, which all programs have.
const (
	onTGID   = -4  // of the process that runs
	onKey    = -8  // of an array, or another process's number
	onValue  = -16 // pointers on the way, and what they lead to
	onMark   = -24
	onBinprm = -32
	onEnd    = -40
	onExit   = -40 - exitHead
)

// done is the label behind all else.
const done = "done"

func (c *code) add(ins ...asm.Instruction) {
	for _, i := range ins {
		if c.label != "" {
			i, c.label = i.WithSymbol(c.label), ""
		}
		c.ins = append(c.ins, i)
	}
}

// here names the next instruction.
func (c *code) here(label string) {
	if c.label != "" {
		c.add(asm.Mov.Reg(asm.R0, asm.R0))
	}
	c.label = label
}

// fresh is a label that there is not yet.
func (c *code) fresh() string {
	c.labels++
	return fmt.Sprintf("l%d", c.labels)
}

// stack puts the address of a place on the stack into a register.
func (c *code) stack(r asm.Register, place int32) {
	c.add(asm.Mov.Reg(r, asm.RFP), asm.Add.Imm(r, place))
}

// lookup finds the value of the key at a place. Its address, or 0, is in R0 then.
func (c *code) lookup(m *ebpf.Map, key int32) {
	c.add(asm.LoadMapPtr(asm.R1, m.FD()))
	c.stack(asm.R2, key)
	c.add(asm.FnMapLookupElem.Call())
}

// put sets the value of a key. R0 is 0 then if that could be done.
func (c *code) put(m *ebpf.Map, key, value int32) {
	c.add(asm.LoadMapPtr(asm.R1, m.FD()))
	c.stack(asm.R2, key)
	c.stack(asm.R3, value)
	c.add(asm.Mov.Imm(asm.R4, 0), asm.FnMapUpdateElem.Call())
}

// self puts the running process's number at its place.
func (c *code) self() {
	c.add(
		asm.FnGetCurrentPidTgid.Call(),
		asm.RSh.Imm(asm.R0, 32),
		asm.StoreMem(asm.RFP, onTGID, asm.R0, asm.Word))
}

// read follows a way from the structure whose address is in a register, and copies the value of
// size bytes to an offset of another one. If that fails, it goes on at a label.
func (c *code) read(to asm.Register, offset int32, size int32, from asm.Register, w way, failed string) {
	c.add(asm.Mov.Reg(asm.R3, from))
	for i, off := range w {
		if i < len(w)-1 {
			c.stack(asm.R1, onValue)
			c.add(asm.Mov.Imm(asm.R2, 8))
		} else {
			c.add(asm.Mov.Reg(asm.R1, to), asm.Add.Imm(asm.R1, offset), asm.Mov.Imm(asm.R2, size))
		}
		c.add(
			asm.Add.Imm(asm.R3, off),
			asm.FnProbeReadKernel.Call(),
			asm.JNE.Imm(asm.R0, 0, failed))
		if i < len(w)-1 {
			c.add(asm.LoadMem(asm.R3, asm.RFP, onValue, asm.DWord))
		}
	}
}

// session puts the address of the session's state into R7, and goes to done if the mark at its
// place is of none that goes on.
func (c *code) session() {
	c.add(
		asm.LoadMem(asm.R1, asm.RFP, onMark, asm.DWord),
		asm.And.Imm(asm.R1, maxSessions-1),
		asm.StoreMem(asm.RFP, onKey, asm.R1, asm.Word))
	c.lookup(c.m.state, onKey)
	c.add(
		asm.JEq.Imm(asm.R0, 0, done),
		asm.Mov.Reg(asm.R7, asm.R0),
		asm.LoadMem(asm.R1, asm.RFP, onMark, asm.DWord),
		asm.LoadMem(asm.R2, asm.R7, 0, asm.DWord),
		asm.JNE.Reg(asm.R1, asm.R2, done))
}

// room goes to full if the session's part of the ring is.
func (c *code) room(full string) {
	c.lookup(c.m.taken, onKey)
	c.add(
		asm.JEq.Imm(asm.R0, 0, done),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.LoadMem(asm.R2, asm.R7, statePut, asm.DWord),
		asm.Sub.Reg(asm.R2, asm.R1),
		asm.JSGT.Imm(asm.R2, share, full))
}

// count adds what is in R1 to one of the session's counters.
func (c *code) count(counter int16) {
	c.add(asm.AddAtomic.Mem(asm.R7, asm.R1, asm.DWord, counter))
}

// end ends the program.
func (c *code) end() {
	c.here(done)
	c.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
}
