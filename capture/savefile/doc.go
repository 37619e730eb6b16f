// Package savefile keeps a capture in files: it takes the pcapng stream of a capture, splits it
// into files by size or by time, each of which stands alone, and converts it to pcap where that is
// asked for, also on its way to a reader.
//
// A file never holds a part of a block, also when the disk is full, and its bytes are on the disk
// when it is closed.
//
// It is the house's own: files get an owner of package internal/outfile.
package savefile
