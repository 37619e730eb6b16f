// Package filter compiles capture filters, the language of pcap-filter(7), to classic BPF.
//
// This is a first part of the language. What it accepts means exactly what it means to tcpdump; everything else is
// refused with an *Error that shows the place, never guessed:
//
//	ip, ip6, arp, rarp, tcp, udp, sctp, icmp, icmp6
//	[ip|ip6|arp|rarp] [src|dst|src or dst|src and dst] host ADDRESS
//	[ip|ip6|arp|rarp] [src|dst|…] net ADDRESS/LENGTH, net 10.1
//	[tcp|udp|sctp] [src|dst|…] port NUMBER, portrange LOW-HIGH
//	ether [src|dst|…] host MAC
//	[ip|ip6] proto NUMBER
//	less LENGTH, greater LENGTH
//	and, or, not, &&, ||, !, parentheses; "port 80 or 443"
//
// As in libpcap, "and" and "or" have the same precedence and associate to the left; "not" binds tighter.
package filter
