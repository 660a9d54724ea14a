// Package rotate follows the audit log of kube-apiserver: one file that grows,
// is renamed to a backup, and starts again, while old backups are compressed
// or deleted. It reads only; it never writes, locks or renames a file.
//
// # Parts
//
//   - [Log] is the family of files behind one --audit-log-path. [Log.Segments]
//     lists it in rotation order.
//   - [Watcher] says when it is worth looking: it turns events of the kernel
//     about the directory into pokes, and pokes by the clock as well.
//   - [Reader] gives the log line by line, across any number of rotations, from a
//     [Source] that keeps its files. It is pulled: Next until io.EOF, then again
//     after a poke or some time.
//   - [Open] opens one finished segment, plain or compressed.
//
// A program that wants every line:
//
//	log, err := rotate.ParsePath("/var/log/kubernetes/audit/audit.log")
//	watcher, err := rotate.NewWatcher(log.Dir, rotate.WatcherConfig{})
//	poke := watcher.Writes()
//	go watcher.Run(ctx)
//	source := links(log) // a Source of your own: holds each listed file by a link
//	reader, err := rotate.NewReader(source, rotate.Position{}, rotate.ReaderConfig{})
//	for {
//		line, err := reader.Next()
//		switch {
//		case err == nil:
//			use(line)
//		case errors.Is(err, io.EOF):
//			select {
//			case <-ctx.Done():
//				return
//			case <-poke:
//			case <-time.After(time.Second): // a poke may be lost
//			}
//		default: // a break in the log, or a file that cannot be read now
//			report(err)
//		}
//	}
//
// # Assumptions
//
//   - Rotation is kube-apiserver's: the file is closed, then renamed to
//     <base>-<UTC time><ext>, then a new one is created under the old name. So
//     a file with a backup's name has no writer. A writer
//     that keeps a renamed file open is not followed to its end.
//   - With --audit-log-compress the ".gz" is complete when the plain backup is
//     deleted. Until then the plain one is listed, afterwards the ".gz".
//   - The inode number stays the same while a file is renamed, and a file that
//     is open keeps its inode number. It is used again soon after a file is
//     deleted and closed.
//   - The backups' names are in the order of rotation. After the clock was set
//     back this is not so, and a [Log] lists in the order of the names. A running
//     Reader reads new segments wherever they are listed, because it knows which ones it
//     has read; one that starts later takes segments listed before its Position
//     for read.
//
// # Guarantees of a Reader
//
//   - A line is given when it is complete. The only exception are the last bytes
//     of a finished segment that does not end in a newline; they come with
//     Terminated false.
//   - After it learned that a segment is finished, it reads to the end once
//     more, and only then continues with the next one.
//   - Line.Bytes of all lines with their newlines, put together, are the segment
//     byte for byte, unless a line is longer than MaxLine.
//   - Nothing is passed over in silence: a file that was truncated
//     ([TruncatedError]), one that left before it was read ([GoneError]) and one
//     that cannot be unpacked ([CorruptError]) are each reported once. A file
//     that cannot be opened is tried again at each call and holds up the ones
//     after it.
//   - Memory is bounded by MaxLine; one descriptor is open.
//
// Undetected: a file truncated and written beyond the old offset between
// two calls (kube-apiserver then leaves a hole, which reads as NUL bytes in the
// next line).
//
// # Guarantees of a Watcher
//
// Only the directory is watched, never a file, and no directory below it. A
// poke is never lost while one is due: the channels hold it until it is taken.
// Events may be lost (the kernel's queue has an end); then all who wait are poked.
// A Watcher that gets no watch, because the user's limit of inotify instances
// or watches is used up, polls. It tries again, and says so through Mode and
// OnChange.
//
// # Files
//
//	log.go        Log: the files behind one --audit-log-path
//	backup.go     the names of backups
//	segment.go    Segment and Source
//	sequence.go   the order in which a Reader takes segments
//	reader.go     Reader and Position
//	lines.go      lines in a file's bytes, and the holes between them
//	input.go      one open file
//	open.go       a finished file, plain or compressed
//	openline.go   the unfinished last line
//	watcher.go    Watcher
//	pacer.go      how often a poke may come
//	mode.go       how a Watcher learns of changes
//	errors.go     the errors of a Reader
package rotate
