// Package filter compiles capture filters to classic BPF. Their language is pcap-filter(7), which
// tcpdump takes. Programs are for the packet sockets of Linux and for capture files, for Ethernet
// and the link types around it.
//
// [Compile] does it in one step. [Parse] makes the tree, which prints as an expression again, and
// [CompileNode] compiles it. A [Program] is for the kernel ([Program.Raw]) and for the virtual
// machine of golang.org/x/net/bpf ([Program.Instructions]). It prints in tcpdump's three forms.
//
// # The language
//
// An expression joins primitives by "and" (&&), "or" (||) and "not" (!). "and" and "or" have the
// same precedence and associate to the left; "not" binds tighter; parentheses group. A value
// without qualifiers takes over those before it: "tcp port 80 or 443 and not 22".
//
//	[P] [D] host ADDRESS        P: ip, ip6, arp, rarp, decnet
//	                            D: src, dst, src or dst, src and dst
//	[P] [D] net 10.1            10, 10.1, 10.1.2, 10.0.0.0/8, 10.0.0.0 mask 255.0.0.0,
//	                            2001:db8::/32, a name
//	[P] [D] port PORT           P: tcp, udp, sctp; a number or a service
//	[P] [D] portrange LOW-HIGH
//	[P] [D] ADDRESS             with a direction: host is meant
//	ether [D] host MAC          02:00:00:00:00:01, 02-00-…, 02.00.…, 0200.0000.0001,
//	                            020000000001, a name
//	gateway HOST                a host's Ethernet address with none of its IPv4 addresses
//	[ip|ip6] proto PROTOCOL     a number, or a name with a backslash if it is a keyword: \tcp
//	[ip|ip6] protochain PROTOCOL
//	ether proto PROTOCOL        a number, or \aarp \arp \atalk \decnet \ip \ip6 \ipx \iso
//	                            \lat \loopback \mopdl …
//	iso proto PROTOCOL          a number, or \clnp \esis \isis; isis proto NUMBER
//	ip ip6 arp rarp tcp udp sctp icmp icmp6 igmp igrp pim vrrp carp esp ah
//	atalk aarp decnet lat sca moprc mopdl iso clnp esis isis l1 l2 iih lsp snp csnp psnp stp
//	ipx netbeui
//	[ether|ip] broadcast, [ether|ip|ip6] multicast
//	less LENGTH, greater LENGTH at most, at least so many bytes
//	llc [i|s|u|rr|rnr|rej|ui|ua|disc|sabme|test|xid|frmr]
//	inbound, outbound, ifindex NUMBER
//	vlan [ID], mpls [LABEL], pppoed, pppoes [SESSION], geneve [VNI]
//	byte OFFSET = VALUE         also < and >
//	NUMBER RELATION NUMBER      RELATION: = == != > >= < <=
//
// A NUMBER is a constant (10, 0x1f, 017, tcp-syn, icmp-echo), len, PROTO[OFFSET],
// PROTO[OFFSET:SIZE], or numbers joined by + - * / % & | ^ << >> and a unary minus. All are 32 bits
// without a sign. SIZE is 1, 2 or 4 bytes. PROTO is ether, ip, ip6, arp, rarp, tcp, udp, sctp,
// icmp, icmp6, igmp, igrp, pim, vrrp, carp, atalk, decnet, lat, sca, moprc or mopdl. Some offsets
// have names: tcpflags, icmptype, icmpcode, icmp6type and icmp6code.
//
// vlan, mpls, pppoes and geneve move where everything behind them in the expression is looked for,
// to its end, also behind "or" and "not": write "ip or (vlan and ip)", not "(vlan and ip) or ip".
// ether, link, fddi, tr, wlan, ppp and slip all mean the link layer. libpcap's grammar has no
// precedence for % and ^: use parentheses around them.
//
// # Link types
//
// [Ethernet] has everything. [LinuxSLL] and [LinuxSLL2] have no Ethernet addresses, vlan, mpls and
// llc types; [Raw], [IPv4], [IPv6], [Null] and [Loop] carry IP only: other protocols match nothing
// there. What a link type can not answer is an error. Primitives for 802.11, ATM, SS7 and pf logs
// are known and refused.
//
// # Live and file forms
//
// On Linux the kernel takes the outermost VLAN tag out of a frame before a packet socket's filter
// sees it. It keeps the direction and the interface beside the frame. With [Live], programs ask the
// kernel for these. Without extensions they use only the bytes, as programs for files must. They
// then refuse inbound, outbound and ifindex if the link type has no field for them.
//
// # What is as in libpcap, and may surprise
//
// A program returns what that of libpcap 1.10.3 does, for every frame:
//
//   - A load behind the end of a frame rejects it, even below "not".
//   - tcp[…] and its like look at IPv4 only.
//   - An operation tests only for its left operand's protocol: "len > ip[2:2] + 14" tests for ip,
//     "14 + ip[2:2] < len" does not.
//   - protochain looks behind an authentication header at an offset that does not add up.
//   - A network's name is matched whole if its number has four parts.
//   - A number from the packet can shift by more than 31. Virtual machines then give 0, and the
//     kernel shifts by the number modulo 32.
//
// # What differs from libpcap
//
//   - protochain follows 8 headers, without a loop, so that the kernel takes it. libpcap's program
//     follows any number, the kernel refuses it, and there are packets on which it never ends.
//   - ip[4:4] & 0xffffffff = 0 means what it says. libpcap's optimizer takes a test of all bits for
//     one that always holds.
//   - gateway works. libpcap does not have it where it is built with IPv6, which is everywhere.
//   - Scratch registers that geneve, or vlan before pppoes or geneve, leave unset on some paths are
//     set to 0 first. The kernel refuses libpcap's programs for these.
//   - Refused rather than guessed: DECnet addresses that are none (64.1, 10.1.2), constant offsets
//     that turn out negative (which mean something else to the kernel), "byte N & M" and "byte N |
//     M", which libpcap takes and does not load.
//
// The package is a library that others may import: no type of another package of the house is in
// its signatures.
package filter
