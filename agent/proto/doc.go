// Package proto has the messages and calls of the agent's protocol, which scripts/proto.sh
// generates from agent.proto.
package proto
