package toolbox

// The programs that dlx starts on the host are a bundle beside the default toolbox. All of a
// toolbox is copied for each session, and a container has no use for them.

// HostName is the name of that bundle.
const HostName = "host"

// PrinterPath is where dlx-print is in it.
const PrinterPath = "libexec/dlx-print"
