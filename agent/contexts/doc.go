// Package contexts keeps what a user calls agents, and which of them is meant when none is named: a
// folder of the user's configuration.
//
//	NAME.json  where the agent is, and the user's certificate for it
//	.current   the name of the one that is meant
//
// The folder leads commands to a machine. Nobody but root and who runs dlx can write there, or it
// is not read.
package contexts
