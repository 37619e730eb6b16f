#!/bin/bash
# Prints the version that a build is stamped with: the tag, or tag, distance and commit, or devel outside of git.
set -euo pipefail
cd "$(dirname "$0")/.."
# Under sudo the checkout may belong to somebody else, which git refuses without this.
git -c safe.directory="$PWD" describe --tags --always --dirty 2>/dev/null || echo devel
