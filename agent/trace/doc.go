// Package trace tells of an agent's calls to who collects traces: OpenTelemetry's spans, by OTLP
// over HTTP.
//
// It is no use of OpenTelemetry's own SDK, which costs each start of dlx 1.3 ms of initialisation,
// and 3 MB. A span is a dozen fields, which package protowire encodes.
package trace
