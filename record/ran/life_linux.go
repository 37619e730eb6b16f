package ran

import "github.com/cilium/ebpf/asm"

// fork is run when a process is forked, before the child runs (kernel/fork.c, kernel_clone). A
// session's child is the session's.
func (c *code) fork() {
	c.add(asm.LoadMem(asm.R8, asm.R1, 8, asm.DWord))
	c.self()
	c.lookup(c.m.tasks, onTGID)
	c.add(
		asm.JEq.Imm(asm.R0, 0, done),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.StoreMem(asm.RFP, onMark, asm.R1, asm.DWord))
	c.read(asm.RFP, onKey, 4, asm.R8, c.l.tgid, done)
	c.add(
		asm.LoadMem(asm.R1, asm.RFP, onKey, asm.Word),
		asm.LoadMem(asm.R2, asm.RFP, onTGID, asm.Word),
		asm.JEq.Reg(asm.R1, asm.R2, done)) // a thread
	c.put(c.m.tasks, onKey, onMark)
	c.end()
}

// exit is run when a thread ends, once it does not count as one that lives any more (kernel/exit.c,
// do_exit). The last one takes the process along.
func (c *code) exit() {
	c.add(asm.LoadMem(asm.R8, asm.R1, 0, asm.DWord))
	c.self()
	c.lookup(c.m.tasks, onTGID)
	c.add(
		asm.JEq.Imm(asm.R0, 0, done),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.StoreMem(asm.RFP, onMark, asm.R1, asm.DWord),
		asm.StoreImm(asm.RFP, onKey, 0, asm.Word))
	c.read(asm.RFP, onKey, 4, asm.R8, c.l.live, done)
	c.add(asm.LoadMem(asm.R1, asm.RFP, onKey, asm.Word), asm.JNE.Imm(asm.R1, 0, done))
	c.add(asm.LoadMapPtr(asm.R1, c.m.tasks.FD()))
	c.stack(asm.R2, onTGID)
	c.add(asm.FnMapDeleteElem.Call())
	c.session()
	c.room(done)
	c.add(asm.LoadMem(asm.R1, asm.RFP, onMark, asm.DWord), asm.StoreMem(asm.RFP, onExit+atMark, asm.R1, asm.DWord))
	c.add(asm.FnKtimeGetNs.Call(), asm.StoreMem(asm.RFP, onExit+atTime, asm.R0, asm.DWord))
	c.add(asm.StoreImm(asm.RFP, onExit+atKind, kindEnded, asm.Word))
	c.add(asm.LoadMem(asm.R1, asm.RFP, onTGID, asm.Word), asm.StoreMem(asm.RFP, onExit+atPID, asm.R1, asm.Word))
	c.add(asm.StoreImm(asm.RFP, onExit+atCode, 0, asm.Word), asm.StoreImm(asm.RFP, onExit+atAll, 0, asm.Word))
	c.read(asm.RFP, onExit+atCode, 4, asm.R8, c.l.code, done)
	c.read(asm.RFP, onExit+atAll, 4, asm.R8, c.l.all, done)
	c.add(asm.LoadMapPtr(asm.R1, c.m.ring.FD()))
	c.stack(asm.R2, onExit)
	c.add(asm.Mov.Imm(asm.R3, exitHead), asm.Mov.Imm(asm.R4, 0), asm.FnRingbufOutput.Call(),
		asm.JSLT.Imm(asm.R0, 0, done), asm.Mov.Imm(asm.R1, exitHead))
	c.count(statePut)
	c.end()
}
