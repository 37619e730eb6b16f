/* Compiles filters with libpcap as tcpdump -ddd -y LINK does: reads "LINK<tab>EXPRESSION" lines, prints the number of
 * instructions, or -1 for an expression that is refused, and then the instructions. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	while ((n = getline(&line, &room, stdin)) > 0) {
		char *expr = strchr(line, '\t');
		if (expr == NULL || line[n - 1] != '\n')
			return 2;
		*expr++ = line[n - 1] = '\0';
		pcap_t *p = pcap_open_dead(pcap_datalink_name_to_val(line), 262144);
		struct bpf_program program;
		if (p == NULL)
			return 2;
		if (pcap_compile(p, &program, expr, 1, 0) != 0) {
			puts("-1");
		} else {
			printf("%u\n", program.bf_len);
			for (unsigned i = 0; i < program.bf_len; i++) {
				struct bpf_insn *in = &program.bf_insns[i];
				printf("%u %u %u %u\n", in->code, in->jt, in->jf, in->k);
			}
			pcap_freecode(&program);
		}
		pcap_close(p);
		fflush(stdout);
	}
	free(line);
	return 0;
}
