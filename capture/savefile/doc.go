// Package savefile keeps a capture in files. It takes the pcapng stream of a capture and splits it
// by size or by time into files that each stand alone. If asked it converts the stream to pcap,
// also on its way to a reader.
//
// A file never holds a part of a block, also when the disk is full, and its bytes are on the disk
// when it is closed.
//
// It is the house's own: files get an owner of package internal/outfile.
package savefile
