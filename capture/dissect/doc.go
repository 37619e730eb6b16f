// Package dissect says what a packet is, in a line or, if asked, in several, as tcpdump(1) does.
// Packets are hostile: it is used by a process without privileges, never panics, bounds what it
// remembers and what it says, and escapes what it quotes.
//
// What tcpdump prints of Ethernet, ARP, IP, TCP, UDP, ICMP and DNS is printed in the same words;
// the tests compare. Beyond that, HTTP/1 and TLS greetings are known by what they look like instead
// of by their ports, an answer of DNS repeats its question, and nothing is asked of the network:
// names are those that the capture file and the machine's files have.
//
// It is a library that others may import: no type of another package of the house is in its
// signatures.
package dissect
