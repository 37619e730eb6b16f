#!/bin/bash
# Generates the agent's protocol into a folder: scripts/proto.sh FOLDER. The plugins are go.mod's tools.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ $# = 1 ] || die "usage: $0 FOLDER"
mkdir -p "$1"
to=$(cd "$1" && pwd)
cd "$ROOT"
find_go
apt_need protobuf-compiler
plugins=$(mktemp -d)
trap 'rm -rf "$plugins"' EXIT
GOBIN=$plugins go install tool
[ "$to" -ef agent/proto ] || cp agent/proto/{agent.proto,doc.go} "$to/"
PATH=$plugins:$PATH protoc --proto_path=agent/proto --go_out="$to" --go_opt=module=dlx/agent/proto \
	--connect-go_out="$to" --connect-go_opt=module=dlx/agent/proto agent.proto
