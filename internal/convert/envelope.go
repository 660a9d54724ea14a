package convert

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Envelope names a managed control plane whose log is read: each of its events is a string in a JSON envelope of the
// cloud's own. Empty: the input is a log of kube-apiserver.
type Envelope string

// The envelopes.
const (
	EKS Envelope = "eks" // CloudWatch Logs: GetLogEvents, FilterLogEvents, subscriptions (Firehose), exports to S3
	AKS Envelope = "aks" // diagnostic settings of Azure: properties.log, one a line or in records
)

// maxValue bounds a value of an envelope, in bytes: an event of CloudWatch has at most 1 MB, of Azure less.
const maxValue = 16 << 20

// eksStream begins the names of the log streams that have audit events; beside them are those of other components.
const eksStream = "kube-apiserver-audit"

// unpacker takes events out of envelopes and writes them as they were, one a line.
type unpacker struct {
	from            Envelope
	in              *window
	dec             *json.Decoder
	out             *bufio.Writer
	events, skipped int64
}

// window is a reader that fails when it is read further than maxValue beyond the mark.
type window struct {
	r          io.Reader
	read, mark int64
}

func (w *window) Read(p []byte) (int, error) {
	if w.read-w.mark > maxValue {
		return 0, fmt.Errorf("a value is longer than %d bytes", maxValue)
	}
	n, err := w.r.Read(p[:min(int64(len(p)), maxValue+1-(w.read-w.mark))])
	w.read += int64(n)
	return n, err
}

// unpack reads the envelopes of in and writes their events to out. It counts events, and entries of other logs.
func unpack(from Envelope, in io.Reader, out io.Writer) (events, skipped int64, err error) {
	u := &unpacker{from: from, out: bufio.NewWriter(out)}
	buffered := bufio.NewReader(in)
	if head, _ := buffered.Peek(1); from == EKS && len(head) == 1 && head[0] >= '0' && head[0] <= '9' {
		err = u.exported(buffered)
	} else {
		u.in = &window{r: buffered}
		u.dec = json.NewDecoder(u.in)
		if err = u.envelopes(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			err = fmt.Errorf("read the envelope of %s at byte %d: %w", from, u.dec.InputOffset(), err)
		}
	}
	if err == nil && u.events+u.skipped == 0 {
		err = fmt.Errorf("no entry of %s in it", from)
	}
	return u.events, u.skipped, errors.Join(err, u.out.Flush())
}

// exported reads the lines of an export to S3: the time, a blank, the event.
func (u *unpacker) exported(in *bufio.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxValue)
	for n := 1; lines.Scan(); n++ {
		stamp, event, ok := bytes.Cut(lines.Bytes(), []byte(" "))
		if _, err := time.Parse(time.RFC3339Nano, string(stamp)); err != nil || !ok {
			return fmt.Errorf("line %d is not a time, a blank and an event: is it an export of CloudWatch Logs?", n)
		}
		if err := u.write(event); err != nil {
			return err
		}
	}
	return lines.Err()
}

// token and value read on, within the window.
func (u *unpacker) token() (json.Token, error) {
	u.in.mark = u.dec.InputOffset()
	return u.dec.Token()
}

func (u *unpacker) value() (raw json.RawMessage, err error) {
	u.in.mark = u.dec.InputOffset()
	err = u.dec.Decode(&raw)
	return raw, err
}

// envelopes reads all values of the input: envelopes, or arrays of them.
func (u *unpacker) envelopes() error {
	inList := false
	for {
		t, err := u.token()
		switch {
		case errors.Is(err, io.EOF) && !inList:
			return nil
		case err != nil:
			return err
		case t == json.Delim('{'):
			if err := u.object(); err != nil {
				return err
			}
		case t == json.Delim('[') && !inList || t == json.Delim(']'):
			inList = !inList
		default:
			return fmt.Errorf("%v is not an envelope", t)
		}
	}
}

// object reads one object: the lists of entries one by one, all else as a whole.
func (u *unpacker) object() error {
	fields := map[string]json.RawMessage{}
	for u.dec.More() {
		t, err := u.token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if key == "events" || key == "logEvents" || key == "records" {
			err = u.entries(fields)
		} else {
			fields[key], err = u.value()
		}
		if err != nil {
			return err
		}
	}
	if _, err := u.token(); err != nil { // the end
		return err
	}
	if _, isEntry := fields["properties"]; isEntry && u.from == AKS {
		return u.entry(fields, nil)
	}
	return nil
}

// entries reads a list of entries of the envelope.
func (u *unpacker) entries(envelope map[string]json.RawMessage) error {
	if t, err := u.token(); err != nil || t != json.Delim('[') {
		return errors.Join(err, errors.New("the entries are not a list"))
	}
	for u.dec.More() {
		raw, err := u.value()
		if err != nil {
			return err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return fmt.Errorf("an entry: %w", err)
		}
		if err := u.entry(fields, envelope); err != nil {
			return err
		}
	}
	_, err := u.token()
	return err
}

// entry writes the event of an entry, and leaves out those of other logs.
func (u *unpacker) entry(fields, envelope map[string]json.RawMessage) error {
	if u.from == AKS {
		category, ok := text(fields["category"])
		if ok && !strings.HasPrefix(category, "kube-audit") {
			u.skipped++
			return nil
		}
		properties := fields["properties"]
		if inner, ok := text(properties); ok { // as a string of JSON
			properties = json.RawMessage(inner)
		}
		var p map[string]json.RawMessage
		if err := json.Unmarshal(properties, &p); err != nil {
			return fmt.Errorf("properties of an entry: %w", err)
		}
		return u.message("properties.log", p["log"])
	}
	for _, stream := range []json.RawMessage{fields["logStreamName"], envelope["logStream"]} {
		if name, ok := text(stream); ok && !strings.HasPrefix(name, eksStream) {
			u.skipped++
			return nil
		}
	}
	if kind, _ := text(envelope["messageType"]); kind == "CONTROL_MESSAGE" {
		u.skipped++
		return nil
	}
	if fields["data"] != nil {
		return errors.New("an entry has base64 data: decode and unpack it first (jq -r '.records[].data' | base64 -d | gzip -dc)")
	}
	return u.message("message", fields["message"])
}

// message writes the event in a JSON string. Bytes that JSON cannot give back are an error.
func (u *unpacker) message(name string, raw json.RawMessage) error {
	event, ok := text(raw)
	switch {
	case !ok:
		return fmt.Errorf("an entry has no string %s", name)
	case !utf8.Valid(raw):
		return fmt.Errorf("%s is not UTF-8: the event cannot be given back byte for byte", name)
	case strings.Count(event, "\ufffd") > strings.Count(string(raw), "\ufffd")+strings.Count(strings.ToLower(string(raw)), `\ufffd`):
		return fmt.Errorf("%s has half of a surrogate pair: the event cannot be given back byte for byte", name)
	}
	return u.write([]byte(strings.TrimSuffix(event, "\n")))
}

func (u *unpacker) write(event []byte) error {
	u.events++
	_, err := u.out.Write(event)
	return errors.Join(err, u.out.WriteByte('\n'))
}

// text returns a JSON string, and whether it is one.
func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}
