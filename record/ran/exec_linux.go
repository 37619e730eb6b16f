package ran

import "github.com/cilium/ebpf/asm"

// exec is run when a process has executed a program, before the program's first instruction
// (fs/exec.c, exec_binprm; include/trace/events/sched.h, sched_process_exec).
//
// R6 is how many bytes of text the event has, R7 the session's state, R8 the task, R9 the event.
func (c *code) exec() {
	c.add(
		asm.LoadMem(asm.R8, asm.R1, 0, asm.DWord),
		asm.LoadMem(asm.R2, asm.R1, 16, asm.DWord),
		asm.StoreMem(asm.RFP, onBinprm, asm.R2, asm.DWord))
	c.self()
	c.whose()
	c.session()
	c.add(asm.Mov.Imm(asm.R1, 1))
	c.count(stateStarted)
	c.room("lost")
	c.add(asm.StoreImm(asm.RFP, onKey, 0, asm.Word))
	c.lookup(c.m.scratch, onKey)
	c.add(asm.JEq.Imm(asm.R0, 0, done), asm.Mov.Reg(asm.R9, asm.R0))
	c.numbers()
	c.add(asm.Mov.Imm(asm.R6, 0))
	c.text(atPathLen, maxPath, c.l.path)
	c.text(atInnerLen, maxInner, c.l.interpreter)
	c.text(atNameLen, maxName, c.l.name)
	c.arguments()
	c.add(asm.Add.Imm(asm.R6, execHead), asm.LoadMapPtr(asm.R1, c.m.ring.FD()), asm.Mov.Reg(asm.R2, asm.R9), asm.Mov.Reg(asm.R3, asm.R6),
		asm.Mov.Imm(asm.R4, 0), asm.FnRingbufOutput.Call(),
		asm.JSLT.Imm(asm.R0, 0, "lost"),
		asm.Mov.Reg(asm.R1, asm.R6))
	c.count(statePut)
	c.add(asm.Ja.Label(done))
	c.here("lost")
	c.add(asm.Mov.Imm(asm.R1, 1))
	c.count(stateLost)
	c.end()
}

// whose puts the mark of the process's session at its place: that of the process that forked it, or
// that of its control group, by which the first process is known. It goes to done if there is none.
func (c *code) whose() {
	c.lookup(c.m.tasks, onTGID)
	c.add(asm.JNE.Imm(asm.R0, 0, "known"))
	c.read(asm.RFP, onValue, 8, asm.R8, c.l.group, done)
	c.lookup(c.m.groups, onValue)
	c.add(
		asm.JEq.Imm(asm.R0, 0, done),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.StoreMem(asm.RFP, onMark, asm.R1, asm.DWord))
	c.put(c.m.tasks, onTGID, onMark) // without room there, its group goes on telling
	c.add(asm.Ja.Label("marked"))
	c.here("known")
	c.add(
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.StoreMem(asm.RFP, onMark, asm.R1, asm.DWord))
	c.here("marked")
}

// numbers writes all of the event that is of a fixed size. What can not be read is 0.
func (c *code) numbers() {
	c.add(asm.LoadMem(asm.R1, asm.RFP, onMark, asm.DWord), asm.StoreMem(asm.R9, atMark, asm.R1, asm.DWord))
	c.add(asm.FnKtimeGetNs.Call(), asm.StoreMem(asm.R9, atTime, asm.R0, asm.DWord))
	c.add(asm.StoreImm(asm.R9, atKind, kindStarted, asm.Word), asm.StoreImm(asm.R9, atUnread, 0, asm.Word))
	c.add(asm.LoadMem(asm.R1, asm.RFP, onTGID, asm.Word), asm.StoreMem(asm.R9, atPID, asm.R1, asm.Word))
	c.add(asm.FnGetCurrentUidGid.Call(), asm.StoreMem(asm.R9, atUID, asm.R0, asm.Word), asm.RSh.Imm(asm.R0, 32), asm.StoreMem(asm.R9, atGID, asm.R0, asm.Word))
	c.number(atParent, 4, asm.R8, c.l.parent)
	c.number(atEUID, 4, asm.R8, c.l.euid)
	c.add(asm.LoadMem(asm.R7, asm.RFP, onBinprm, asm.DWord))
	c.number(atInode, 8, asm.R7, c.l.inode)
	c.number(atDevice, 4, asm.R7, c.l.device)
	c.session() // R7 is its again
}

func (c *code) number(offset int16, size int32, from asm.Register, w way) {
	whole := asm.Word
	if size == 8 {
		whole = asm.DWord
	}
	next := c.fresh()
	c.add(asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.R9, offset, asm.R1, whole))
	c.read(asm.R9, int32(offset), size, from, w, next)
	c.here(next)
}

// text adds a string of the kernel's, which linux_binprm leads to. Its length, with the NUL byte,
// goes to an offset of the event.
func (c *code) text(length int16, most int32, w way) {
	none, next := c.fresh(), c.fresh()
	c.add(asm.LoadMem(asm.R3, asm.RFP, onBinprm, asm.DWord))
	c.read(asm.RFP, onValue, 8, asm.R3, w, none)
	c.cursor(asm.R1)
	c.add(
		asm.Mov.Imm(asm.R2, most),
		asm.LoadMem(asm.R3, asm.RFP, onValue, asm.DWord),
		asm.FnProbeReadKernelStr.Call(),
		asm.JSLE.Imm(asm.R0, 0, none),
		asm.JLE.Imm(asm.R0, most, next))
	c.here(none)
	c.add(asm.Mov.Imm(asm.R0, 0))
	c.here(next)
	c.add(asm.StoreMem(asm.R9, length, asm.R0, asm.Word), asm.Add.Reg(asm.R6, asm.R0))
}

// cursor is where the event's text goes on.
func (c *code) cursor(r asm.Register) {
	c.add(asm.Mov.Reg(r, asm.R9), asm.Add.Imm(r, execHead), asm.Add.Reg(r, asm.R6))
}

// arguments adds the beginning of the process's arguments, which are in its own memory. R8 is their
// size.
func (c *code) arguments() {
	c.add(
		asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.RFP, onEnd, asm.R1, asm.DWord),
		asm.StoreImm(asm.R9, atWhole, 0, asm.Word))
	c.read(asm.RFP, onEnd, 8, asm.R8, c.l.end, "unread")
	c.read(asm.RFP, onValue, 8, asm.R8, c.l.args, "unread")
	c.add(
		asm.LoadMem(asm.R3, asm.RFP, onValue, asm.DWord),
		asm.LoadMem(asm.R8, asm.RFP, onEnd, asm.DWord),
		asm.Sub.Reg(asm.R8, asm.R3),
		asm.StoreMem(asm.R9, atWhole, asm.R8, asm.Word),
		asm.JLE.Imm(asm.R8, maxArgs, "bounded"),
		asm.Mov.Imm(asm.R8, maxArgs))
	c.here("bounded")
	c.cursor(asm.R1)
	c.add(
		asm.Mov.Reg(asm.R2, asm.R8),
		asm.FnProbeReadUser.Call(),
		asm.JEq.Imm(asm.R0, 0, "read"))
	c.here("unread")
	c.add(asm.Mov.Imm(asm.R8, 0), asm.StoreImm(asm.R9, atUnread, 1, asm.Word))
	c.here("read")
	c.add(asm.StoreMem(asm.R9, atArgs, asm.R8, asm.Word), asm.Add.Reg(asm.R6, asm.R8))
}
