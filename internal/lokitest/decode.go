package lokitest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Stream is one stream of a push.
type Stream struct {
	Labels  string // as sent: {cluster="c", job="audit"}
	Entries []Entry
}

// Entry is one entry of a stream.
type Entry struct {
	Timestamp time.Time // UTC
	Line      string
	Metadata  []Pair // structured metadata, in the order sent
}

// Pair is one element of structured metadata.
type Pair struct{ Name, Value string }

// Get returns the value of the metadata with this name, empty without one.
func (e Entry) Get(name string) string {
	for _, p := range e.Metadata {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

var errTruncated = errors.New("decode protobuf: truncated")

// Decode reads an uncompressed logproto.PushRequest. It is strict: a field that Loki's message does
// not have is an error. It is written from the protobuf specification and shares no code with the
// sender.
func Decode(request []byte) ([]Stream, error) {
	var streams []Stream
	err := eachField(request, func(number int, value []byte, _ uint64) error {
		if number != 1 || value == nil {
			return unknownField("PushRequest", number)
		}
		stream, err := decodeStream(value)
		streams = append(streams, stream)
		return err
	})
	return streams, err
}

func decodeStream(data []byte) (Stream, error) {
	var s Stream
	err := eachField(data, func(number int, value []byte, _ uint64) error {
		switch {
		case number == 1 && value != nil:
			s.Labels = string(value)
		case number == 2 && value != nil:
			entry, err := decodeEntry(value)
			s.Entries = append(s.Entries, entry)
			return err
		case number == 3 && value == nil: // hash: Loki computes its own
		default:
			return unknownField("Stream", number)
		}
		return nil
	})
	return s, err
}

func decodeEntry(data []byte) (Entry, error) {
	e := Entry{Timestamp: time.Unix(0, 0).UTC()}
	err := eachField(data, func(number int, value []byte, _ uint64) (err error) {
		switch {
		case number == 1 && value != nil:
			e.Timestamp, err = decodeTimestamp(value)
		case number == 2 && value != nil:
			e.Line = string(value)
		case number == 3 && value != nil:
			var pair Pair
			pair, err = decodePair(value)
			e.Metadata = append(e.Metadata, pair)
		default:
			err = unknownField("Entry", number)
		}
		return err
	})
	return e, err
}

func decodeTimestamp(data []byte) (time.Time, error) {
	var seconds, nanos int64
	err := eachField(data, func(number int, value []byte, integer uint64) error {
		switch {
		case number == 1 && value == nil:
			seconds = int64(integer)
		case number == 2 && value == nil:
			nanos = int64(integer)
		default:
			return unknownField("Timestamp", number)
		}
		return nil
	})
	if err == nil && (nanos < 0 || nanos > 999_999_999) {
		err = fmt.Errorf("decode Timestamp: %d nanoseconds", nanos)
	}
	return time.Unix(seconds, nanos).UTC(), err
}

func decodePair(data []byte) (Pair, error) {
	var p Pair
	err := eachField(data, func(number int, value []byte, _ uint64) error {
		switch {
		case number == 1 && value != nil:
			p.Name = string(value)
		case number == 2 && value != nil:
			p.Value = string(value)
		default:
			return unknownField("LabelPair", number)
		}
		return nil
	})
	return p, err
}

func unknownField(message string, number int) error {
	return fmt.Errorf("decode %s: unexpected field %d or wire type", message, number)
}

// eachField calls visit for every field of a message: with a value that is not nil for a
// length-delimited one, with the integer for a varint. Other wire types do not occur.
func eachField(data []byte, visit func(number int, value []byte, integer uint64) error) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return errTruncated
		}
		integer, m := binary.Uvarint(data[n:])
		if m <= 0 {
			return errTruncated
		}
		data = data[n+m:]
		var value []byte
		switch tag & 7 {
		case 0:
		case 2:
			if integer > uint64(len(data)) {
				return errTruncated
			}
			value = data[:integer:integer]
			data = data[integer:]
		default:
			return fmt.Errorf("decode protobuf: wire type %d", tag&7)
		}
		if err := visit(int(tag>>3), value, integer); err != nil {
			return err
		}
	}
	return nil
}
