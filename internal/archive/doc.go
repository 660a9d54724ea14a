// Package archive stores finished objects, once and for good, in a directory or
// in a bucket that speaks S3.
//
//	file:///directory    files below it; directories 0700, files 0600
//	s3://bucket/prefix   Amazon S3 or a compatible server, see [S3Config]
//
// Keys are relative to that URL; [DataKey], [RecordKey] and [OpenKey] make
// them and [ParseKey] takes them apart. Nothing is ever overwritten or deleted.
//
// # Assumptions
//
//   - One key is written by one node (its name and epoch are in the key), yet a
//     PUT may arrive twice: the answer was lost, or the process died before it
//     took note.
//   - The S3 server honours "If-None-Match: *" on PutObject (Amazon S3 does since
//     August 2024). One that ignores it would overwrite; no answer shows that.
//   - A server that answers PutObject with x-amz-checksum-sha256 computed it from
//     the bytes it stored. This is believed until a read shows other bytes.
//   - A directory archive is on a file system that package durable's assumptions
//     hold for. It may be shared by several nodes.
//
// # Guarantees
//
//   - [Bucket.Put] returned nil: the key is confirmed to hold exactly these bytes.
//     S3 answers with the SHA-256 that it computed itself. If it does not, or if a
//     read of this process has contradicted such an answer, the object is read
//     back and hashed. User metadata is never evidence. In a directory the bytes
//     are hashed on their way, fsynced before they get their name, and read back:
//     from the page cache, so a disk that damages fsynced bytes is found by
//     verify and not here.
//   - Put failed, or never returned: the key holds nothing or the whole object,
//     never a part. Repeating it with the same bytes is always right.
//   - A key that is taken is read back: the same bytes are success, others are
//     [ErrConflict], and nothing was changed. If it may not be read, the reason is
//     [ReasonUnreadable] if a copy under another key ([NextCopy]) can be confirmed,
//     else [ReasonPermission].
//   - Every error is an [*Error] with a [Reason], and with a remedy if
//     there is one. [Permanent] reports those that waiting does not cure.
//   - Memory does not depend on the size of objects, only (in a directory) on the
//     number of names in one directory.
//
// # Requests and time
//
// An object is one PUT of at most 5 GiB, because only so does the store compute
// the SHA-256 of its content. Each request is tried three times within seconds;
// longer outages are the caller's to wait for. There is no limit on the time of
// an upload that makes progress: a connection is given up when the peer
// acknowledges nothing for 60 s, or does not answer within 3 min after the last
// byte. Nothing is asked of the network before the first request, and the search
// for credentials ends after 20 s.
//
// Permissions: s3:PutObject stores, on a server that computes SHA-256. s3:GetObject
// reads, which also compares a key that is taken; s3:ListBucket lists, and makes a missing object distinguishable from a
// forbidden one. No delete, ever.
//
// # Files
//
//	url.go        archive URLs and the flags of S3
//	keys.go       the names of objects: made, checked, read
//	bucket.go     Bucket: put once, read back, list
//	lock.go       Object Lock of new objects
//	dir.go        the store that is a directory
//	s3.go         the store that is a bucket: client, retries, listing
//	s3get.go      downloads
//	s3put.go      uploads
//	s3errors.go   what an answer of S3 means, and what to do
//	errors.go     Error and its reasons
//	answer.go     the bounds of answers
//	stall_*.go    an end to connections that take nothing
package archive
