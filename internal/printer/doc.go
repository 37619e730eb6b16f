// Package printer prints the packets of a capture as tcpdump(1) does, or copies those that match.
// It takes packets apart, which are hostile: Main is the program that does so without privileges,
// and no other program of dlx's has dissectors but for the tcpdump of a session.
package printer
