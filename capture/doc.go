// Package capture reads packets in a container's network namespace: a TPACKET_V3 ring for each interface, opened on a
// thread inside the namespace, filtered in the kernel, and written as pcapng with one write for many packets.
//
// It runs with privileges and only moves raw frames: nothing here looks into a packet. Package dissect does, elsewhere.
package capture
