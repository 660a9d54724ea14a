package rotate

import "time"

// Segment is one file of the log: the one that kube-apiserver has open, or a
// backup that it has rotated away.
type Segment struct {
	// ID names the segment within its source and stays the same while it is
	// rotated. For the segments of a Log it is "<device>-<inode>".
	ID string
	// Name is the name in the audit directory: that of the open file
	// ("audit.log"), or that of the backup, without ".gz".
	Name string
	// Path is where the bytes can be opened now.
	Path string
	// Rotated is the time in the backup's name; zero for the open file.
	Rotated time.Time
	// Gzip says that Path holds gzip, whose unpacked content is the segment.
	Gzip bool
	// Finished says that the segment has no writer any more.
	Finished bool
	// Size is the size in bytes of the file at Path (packed, for Gzip).
	Size int64
	// Inode and Device identify the file at Path; 0 means unknown. A Reader
	// checks opened files against those that are known.
	Inode, Device uint64
	// ModTime is the time of the last write to the file at Path.
	ModTime time.Time
}

// Source lists the segments that a Reader follows, in the order in which they
// were written. A segment keeps its ID when it is rotated or compressed, and no
// other one ever gets it. A [Log] cannot promise that (the inode number of a
// deleted file comes back, a compressed backup has another one), so a source
// keeps listed files, by links or open files. Held is called at nearly every
// end of file and should be quick to answer.
type Source interface {
	Held() ([]Segment, error)
}
