package dissect

// Remembered is how many conversations are remembered.
func (p *Printer) Remembered() int {
	return len(p.conversations.young) + len(p.conversations.old)
}
