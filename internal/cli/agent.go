package cli

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dlx/agent/client"
	"dlx/agent/tlsid"
)

// agentOptions are the flags of `dlx agent`.
type agentOptions struct {
	socket, group, policy string
	tcp                   string
	tls                   tlsid.Files
	witness               string
	needWitness           bool
	needPrograms          bool
	record                string
	input                 bool
	keepAge               time.Duration
	keepSize              byteSize
	captures              captureLimits
	most                  mostOptions
	metrics, otlp         string
	logLevel              string
	config                string
}

func (a *app) agentCommand() *cobra.Command {
	var o agentOptions
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "do the work for people who are not root, as far as a policy allows, and record it",
		Long: "dlx agent serves until it gets SIGTERM. Whoever may connect to its socket has it do the work of the other verbs,\n" +
			"as far as the policy allows: --agent unix:///PATH. What is done, and what is refused, is recorded before it is done.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, strangers, err := a.loadAgent(&o, cmd.Flags())
			if err != nil {
				return err
			}
			return a.runAgent(cmd.Context(), o, strangers)
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.config, "config", "", "the file of settings; "+defaultConfig+" if it is there")
	cmd.AddCommand(a.agentPolicyCommand(), a.agentConnectCommand(), a.agentPKICommand(), a.agentConfigCommand())
	return cmd
}

// flags are all that can be set: by them, by variables and by a file.
func (o *agentOptions) flags(flags *pflag.FlagSet) {
	o.keepSize = 10 << 30
	flags.StringVar(&o.socket, "socket", client.LocalSocket, "listen there, unless systemd hands over a socket")
	flags.StringVar(&o.group, "group", "", "the group that may connect, beside root")
	flags.StringVar(&o.tcp, "tcp", "", "listen on HOST:PORT as well, for users with certificates")
	flags.StringVar(&o.tls.Cert, "tls-cert", "/etc/dlx/agent/agent.crt", "the agent's certificate, for --tcp")
	flags.StringVar(&o.tls.Key, "tls-key", "/etc/dlx/agent/agent.key", "its key")
	flags.StringVar(&o.tls.CA, "tls-ca", "/etc/dlx/agent/ca.crt", "who signs users' certificates")
	flags.StringVar(&o.tls.CRL, "tls-crl", "/etc/dlx/agent/crl.pem", "those that were revoked")
	flags.StringVar(&o.policy, "policy", "/etc/dlx/policy.yaml", "who may do what; `dlx agent policy check` checks it")
	flags.StringVar(&o.witness, "witness", "", "send the record's checkpoints there: unix:///dev/log, for syslog and the journal, or tcp://HOST:PORT, a line each")
	flags.BoolVar(&o.needWitness, "need-witness", false, "begin nothing whose checkpoint the witness has not taken")
	flags.BoolVar(&o.needPrograms, "need-programs", false, "begin no session whose programs the kernel can not tell of, and end one that starts more than can be recorded")
	flags.StringVar(&o.record, "record", "terminals", "record the sessions on terminals, all, or none")
	flags.BoolVar(&o.input, "record-input", false, "record what is typed too, passwords among it")
	flags.DurationVar(&o.keepAge, "keep", 90*24*time.Hour, "how long recordings are kept")
	flags.Var(&o.keepSize, "keep-size", "how large all recordings become before the oldest ones go")
	o.captures.flags(flags)
	o.most.flags(flags)
	flags.StringVar(&o.metrics, "metrics", "", "answer there about metrics, health and readiness, without encryption: unix:///PATH or HOST:PORT; :PORT is 127.0.0.1's")
	flags.StringVar(&o.otlp, "otlp", "", "send traces to this endpoint by OTLP over HTTP: http://HOST:4318; the environment's OTEL_EXPORTER_OTLP_ENDPOINT")
	flags.StringVar(&o.logLevel, "log-level", "info", "what the log has: debug, info, warn or error")
}
