// Package dissect says what a packet is: in a line or, if asked, in several, as tcpdump(1) does.
// Packets are hostile. The package is used by a process without privileges, never panics, bounds
// its memory and its output, and escapes what it quotes.
//
// Ethernet, ARP, IP, TCP, UDP, ICMP and DNS are printed in tcpdump's words; the
// tests compare. HTTP/1 and TLS greetings are recognised by their look and not by
// ports, and an answer of DNS repeats its question. Nothing is asked of the network:
// names are those of the capture file and of the machine's files.
//
// It is a library that others may import: no type of another package of the house is in its
// signatures.
package dissect
