package live

import "github.com/auditsidecar/auditsidecar/rotate"

// withoutHole takes the NULs away that stand before an event. kube-apiserver
// opens a new log without O_APPEND: when it is truncated, the next event
// is written at the old offset, behind a hole that reads as NULs and may be as
// long as the whole file was. Sent like that the event would be no JSON, and
// mostly too long for Loki. The archive has the NULs, and a gap is recorded
// for them. The reader has left them out, and all but one byte of a hole within
// the line. A line of nothing but NULs is sent as it is, or a stub of it.
func withoutHole(line rotate.Line) rotate.Line {
	if len(line.Bytes) > 0 || line.NULs == 0 {
		line.Len -= line.NULs
		return line
	}
	line.Truncated = line.NULs > maxLine
	line.Bytes = make([]byte, min(line.NULs, maxLine))
	return line
}
