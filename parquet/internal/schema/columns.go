package schema

import (
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// The columns of every object: the fields of an event, and these. The order is
// part of the format: readers find columns by name, but equal input must give
// equal bytes.
const (
	Raw = auditline.NumFields + iota
	DecodeStatus
	Node
	Epoch
	SourceFile
	Seq
	SourceLine
	LinePart
	UnknownFields
	NumColumns
)

// Values of the column decode_status.
const (
	StatusOK          = "ok"
	StatusSalvaged    = "salvaged"
	StatusUndecodable = "undecodable"
)

// Shape says how the values of a leaf column are nested.
type Shape int

// The shapes.
const (
	Scalar    Shape = iota // optional value
	Required               // value in every row
	List                   // LIST<STRING>
	MapKey                 // key of a MAP
	MapValue               // value of a MAP<STRING, STRING>
	MapValues              // element of a MAP<STRING, LIST<STRING>>
)

// Column describes one leaf column.
type Column struct {
	Name     string // of the top-level column
	Shape    Shape
	Kind     Kind
	Encoding Encoding
	Bloom    bool // has a bloom filter
	// pages is how many times larger than others its pages are: long values
	// that repeat each other over long distances compress much better. Those
	// of a column that is streamed are compressed as they are filled.
	Pages    int
	Streamed bool
	// bounded is true where minimum and maximum are worth their space: the
	// values are short, or the sort order makes pages differ.
	Bounded bool
}

// Encoding is how a leaf column's values are stored.
type Encoding int

// The encodings.
const (
	Dictionary Encoding = iota // RLE_DICTIONARY, then PLAIN where too many values differ
	Plain                      // PLAIN
	Delta                      // DELTA_BINARY_PACKED
)

// Kind is the physical and logical type of a leaf column.
type Kind int

// The kinds.
const (
	Text Kind = iota // BYTE_ARRAY, STRING
	Blob             // BYTE_ARRAY
	Int32
	Int64
	Micros // INT64, TIMESTAMP(MICROS, UTC)
)

// Columns returns the definition of every leaf column, by position.
func Columns() [NumColumns]Column {
	return [NumColumns]Column{
		auditline.Level:                   {Name: "level", Bounded: true},
		auditline.Stage:                   {Name: "stage", Bounded: true},
		auditline.Verb:                    {Name: "verb", Bounded: true},
		auditline.AuditID:                 {Name: "audit_id", Encoding: Plain, Bloom: true},
		auditline.RequestURI:              {Name: "request_uri", Encoding: Plain, Pages: 4},
		auditline.UserAgent:               {Name: "user_agent"},
		auditline.UserName:                {Name: "user_name", Bloom: true, Bounded: true},
		auditline.UserUID:                 {Name: "user_uid", Bounded: true},
		auditline.UserGroups:              {Name: "user_groups", Shape: List},
		auditline.UserExtraKey:            {Name: "user_extra", Shape: MapKey},
		auditline.UserExtraValue:          {Name: "user_extra", Shape: MapValues},
		auditline.ImpersonatedName:        {Name: "impersonated_user_name", Bounded: true},
		auditline.ImpersonatedUID:         {Name: "impersonated_user_uid", Bounded: true},
		auditline.ImpersonatedGroups:      {Name: "impersonated_user_groups", Shape: List},
		auditline.ImpersonatedExtraKey:    {Name: "impersonated_user_extra", Shape: MapKey},
		auditline.ImpersonatedExtraValue:  {Name: "impersonated_user_extra", Shape: MapValues},
		auditline.ImpersonationConstraint: {Name: "impersonation_constraint", Bounded: true},
		auditline.SourceIPs:               {Name: "source_ips", Shape: List, Bloom: true},
		auditline.ObjectResource:          {Name: "object_resource", Bounded: true},
		auditline.ObjectNamespace:         {Name: "object_namespace", Bloom: true, Bounded: true},
		auditline.ObjectName:              {Name: "object_name", Bloom: true, Bounded: true},
		auditline.ObjectUID:               {Name: "object_uid"},
		auditline.ObjectAPIGroup:          {Name: "object_api_group", Bounded: true},
		auditline.ObjectAPIVersion:        {Name: "object_api_version", Bounded: true},
		auditline.ObjectResourceVersion:   {Name: "object_resource_version"},
		auditline.ObjectSubresource:       {Name: "object_subresource", Bounded: true},
		auditline.ResponseCode:            {Name: "response_code", Kind: Int32, Bounded: true},
		auditline.ResponseStatus:          {Name: "response_status", Bounded: true},
		auditline.ResponseReason:          {Name: "response_reason", Bounded: true},
		auditline.ResponseMessage:         {Name: "response_message", Encoding: Plain, Pages: 4},
		auditline.ResponseDetails:         {Name: "response_details"},
		auditline.RequestObject:           {Name: "request_object", Encoding: Plain, Pages: 32, Streamed: true},
		auditline.ResponseObject:          {Name: "response_object", Encoding: Plain, Pages: 32, Streamed: true},
		auditline.RequestReceived:         {Name: "request_received_timestamp", Kind: Micros, Encoding: Delta, Bounded: true},
		auditline.StageTimestamp:          {Name: "stage_timestamp", Kind: Micros, Encoding: Delta, Bounded: true},
		auditline.AnnotationKey:           {Name: "annotations", Shape: MapKey},
		auditline.AnnotationValue:         {Name: "annotations", Shape: MapValue},
		Raw:                               {Name: "raw", Kind: Blob, Encoding: Plain},
		DecodeStatus:                      {Name: "decode_status", Shape: Required, Bounded: true},
		Node:                              {Name: "node", Shape: Required},
		Epoch:                             {Name: "epoch", Shape: Required},
		SourceFile:                        {Name: "source_file", Shape: Required},
		Seq:                               {Name: "seq", Shape: Required, Kind: Int64, Bounded: true},
		SourceLine:                        {Name: "source_line", Shape: Required, Kind: Int64, Encoding: Delta, Bounded: true},
		LinePart:                          {Name: "line_part", Shape: Required, Kind: Int32, Bounded: true},
		UnknownFields:                     {Name: "unknown_fields"},
	}
}

// MaxLevels returns the highest repetition and definition level of a column.
func (d Column) MaxLevels() (repetition, definition int) {
	switch d.Shape {
	case Required:
		return 0, 0
	case List, MapKey:
		return 1, 2
	case MapValue:
		return 1, 3
	case MapValues:
		return 2, 3
	default:
		return 0, 1
	}
}

// IsText reports whether a column's values are byte arrays.
func (d *Column) IsText() bool { return d.Kind == Text || d.Kind == Blob }

// Physical is how a column's values are stored.
func (d *Column) Physical() format.Type {
	return [...]format.Type{Text: format.ByteArray, Blob: format.ByteArray, Int32: format.Int32, Int64: format.Int64, Micros: format.Int64}[d.Kind]
}

// Allows says whether a column can have an encoding.
func (d *Column) Allows(e format.Encoding) bool {
	switch e {
	case format.Plain, format.RLE: // RLE is the levels'
		return true
	case format.RLEDictionary:
		return d.Encoding == Dictionary
	case format.DeltaBinaryPacked:
		return d.Encoding == Delta
	}
	return false
}
