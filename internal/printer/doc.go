// Package printer prints the packets of a capture as tcpdump(1) does, or copies those
// that match. Packets are hostile, so Main takes them apart without privileges.
// Beside it only a session's tcpdump has dissectors.
package printer
