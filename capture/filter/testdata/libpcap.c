/* Compiles filters with libpcap as tcpdump -ddd -y LINK does: reads "LINK<tab>EXPRESSION" lines, prints each program, or
 * -1 for an expression that is refused. */
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
			bpf_dump(&program, 3); /* what -ddd is */
			pcap_freecode(&program);
		}
		pcap_close(p);
		fflush(stdout);
	}
	free(line);
	return 0;
}
