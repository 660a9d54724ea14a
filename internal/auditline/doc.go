// Package auditline reads the lines of a kube-apiserver audit log: it is the
// one place that knows the fields of an event and the form in which
// kube-apiserver writes them.
//
// # Reading a whole line
//
// [Decoder.Line] fills an [Event] from a line without its newline and classifies
// it: an event in kube-apiserver's own form, an event in another form,
// a list or a broken line with whole events in it, or no event. A Decoder and an Event are
// reused for many lines; a line in kube-apiserver's form takes one pass and no
// allocation.
//
//	var d auditline.Decoder
//	var e auditline.Event
//	for line := range lines {
//		e.Release()
//		what, parts := d.Line(line, &e)
//		verb := e.Text(auditline.Verb)
//		...
//	}
//
// Whatever [Event.Text] and its like return is a view into the line or into the
// Event, valid until the line is reused or [Event.Release] is called.
//
// # Stopping early
//
// [Walker.Members] yields the members of a line one after another, each value
// checked but not decoded. A caller that has its values leaves the loop, and
// the rest of the line is not looked at: kube-apiserver writes the fields in a
// fixed order, level first, the bodies near the end. [Walker.Whole] says
// whether a loop that was not left saw one complete JSON object. [Sampler]
// finds the object and the stage timestamp of a line that looks canonical
// without looking at the bytes between them.
//
// # Writing it again
//
// [Rebuilder] encodes an Event back to the bytes that kube-apiserver wrote, and
// proves that it can before the line is given up. Members that this version does
// not know are kept in [Event.Unknown] and take part in that.
//
// # Files
//
//   - fields.go, event.go: the fields of an event, and an event
//   - layout.go: the members of an event, with their fields and how each is written
//   - decoder.go: the class of a line; kind.go: the definition of an event, alone and in a list; salvage.go: the
//     events in a broken line
//   - scan.go, cursor.go: the form that kube-apiserver writes
//   - decode.go: any other JSON; jsonskip.go, bytescan.go, escape.go, members.go: walking it
//   - unknown.go takes unknown members out of a line, weave.go puts them back
//   - rebuild.go, quote.go: an event back to bytes; clock.go: timestamps
//   - sample.go: object and time of a line that is not decoded
package auditline
