package filter

// kind is a kind of token.
type kind uint8

const (
	kEnd kind = iota
	kNumber
	kName  // an identifier that is no keyword, or an escaped one
	kIPv4  // two to four decimal numbers with dots
	kIPv6  // an address
	kMAC   // an address
	kProto // a protocol keyword, by its Proto
	kDir   // src, dst, …, by its Dir
	kType  // host, net, port, …, by its Type
	kMask
	kAnd
	kOr
	kNot
	kLen
	kLess
	kGreater
	kByte
	kBroadcast
	kMulticast
	kInbound
	kOutbound
	kIfindex
	kVLAN
	kMPLS
	kPPPoED
	kPPPoES
	kGeneve
	kLLC
	kForeign // a keyword of link types that do not occur here
	kSign    // by its value: the byte, or one of the signs of two bytes
)

// Signs of two bytes.
const (
	signGE = 0x80 + iota
	signLE
	signNE
	signLSH
	signRSH
)

type word struct {
	kind  kind
	value uint32
}

// IsKeyword says whether a word is a keyword of pcap-filter(7). A name needs a backslash to be one.
func IsKeyword(word string) bool {
	_, ok := words[word]
	return ok
}

// words are the keywords of pcap-filter(7).
var words = func() map[string]word {
	m := map[string]word{
		"mask": {kMask, 0}, "and": {kAnd, 0}, "or": {kOr, 0}, "not": {kNot, 0}, "len": {kLen, 0}, "length": {kLen, 0},
		"less": {kLess, 0}, "greater": {kGreater, 0}, "byte": {kByte, 0}, "broadcast": {kBroadcast, 0}, "multicast": {kMulticast, 0},
		"inbound": {kInbound, 0}, "outbound": {kOutbound, 0}, "ifindex": {kIfindex, 0}, "vlan": {kVLAN, 0}, "mpls": {kMPLS, 0},
		"pppoed": {kPPPoED, 0}, "pppoes": {kPPPoES, 0}, "geneve": {kGeneve, 0}, "llc": {kLLC, 0},
		"ether": {kProto, uint32(ProtoLink)}, "ppp": {kProto, uint32(ProtoLink)}, "slip": {kProto, uint32(ProtoLink)},
		"fddi": {kProto, uint32(ProtoLink)}, "tr": {kProto, uint32(ProtoLink)}, "wlan": {kProto, uint32(ProtoLink)},
		"es-is": {kProto, uint32(ProtoESIS)}, "is-is": {kProto, uint32(ProtoISIS)},
		"address1": {kDir, uint32(dirAddr1)}, "address2": {kDir, uint32(dirAddr2)}, "address3": {kDir, uint32(dirAddr3)}, "address4": {kDir, uint32(dirAddr4)},
	}
	for p := ProtoLink; p <= ProtoRadio; p++ {
		m[p.String()] = word{kProto, uint32(p)}
	}
	for _, d := range []Dir{Src, Dst, dirAddr1, dirAddr2, dirAddr3, dirAddr4, dirRA, dirTA} {
		m[d.String()] = word{kDir, uint32(d)}
	}
	for t := TypeHost; t <= TypeGateway; t++ {
		m[t.String()] = word{kType, uint32(t)}
	}
	for _, w := range []string{
		"type", "subtype", "direction", "dir", "lane", "metac", "bcc", "sc", "ilmic", "oam", "oamf4", "oamf4ec", "oamf4sc", "connectmsg",
		"metaconnect", "vpi", "vci", "on", "ifname", "rset", "ruleset", "rnr", "rulenum", "srnr", "subrulenum", "reason", "action",
		"fisu", "lssu", "lsu", "msu", "hfisu", "hlssu", "hmsu", "sio", "opc", "dpc", "sls", "hsio", "hopc", "hdpc", "hsls",
	} {
		m[w] = word{kForeign, 0}
	}
	for name, value := range constants {
		m[name] = word{kNumber, value}
	}
	return m
}()

// constants are names of numbers: offsets in headers (RFC 792, 4443, 9293), types (IANA) and flags.
var constants = map[string]uint32{
	"icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1, "tcpflags": 13,

	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8, "icmp-routeradvert": 9,
	"icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15,
	"icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,

	"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4, "icmp6-echo": 128,
	"icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130, "icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132,
	"icmp6-routersolicit": 133, "icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140, "icmp6-ineighbordiscoverysolicit": 141,
	"icmp6-ineighbordiscoveryadvert": 142, "icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144,
	"icmp6-homeagentdiscoveryreply": 145, "icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147, "icmp6-certpathsolicit": 148,
	"icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151, "icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,

	"tcp-fin": 0x01, "tcp-syn": 0x02, "tcp-rst": 0x04, "tcp-push": 0x08, "tcp-ack": 0x10, "tcp-urg": 0x20, "tcp-ece": 0x40, "tcp-cwr": 0x80,
}
