package live

import (
	"bytes"

	"github.com/auditsidecar/auditsidecar/rotate"
)

// withoutHole takes the NULs away that stand before an event. kube-apiserver
// opens a new log without O_APPEND: when somebody truncates it, the next event
// is written at the old offset, behind a hole that reads as NULs and may be as
// long as the whole file was. Sent like that the event would be no JSON, and
// mostly too long for Loki. The archive has the NULs, and a gap is recorded
// for them. A line of nothing but NULs stays as it is.
func withoutHole(line rotate.Line) rotate.Line {
	event := bytes.TrimLeft(line.Bytes, "\x00")
	if len(event) == 0 {
		return line
	}
	line.Len -= int64(len(line.Bytes) - len(event))
	line.Bytes = event
	return line
}
