package contexts_test

import (
	"os"
	"testing"

	"dlx/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }
