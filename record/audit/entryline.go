package audit

// ParseLine reads an entry as a line of the record has it, or as an agent has sent it. It proves
// nothing.
func ParseLine(line []byte) (*Entry, error) { return parse(line) }
